module relay

go 1.23
