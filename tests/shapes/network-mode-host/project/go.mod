module scout

go 1.23
