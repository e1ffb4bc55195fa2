console.log("polls");
