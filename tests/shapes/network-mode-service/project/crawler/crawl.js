console.log("crawling");
