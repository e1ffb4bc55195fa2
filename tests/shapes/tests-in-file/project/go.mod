module ledger

go 1.23
