console.log("packing");
