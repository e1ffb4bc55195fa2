module kiosk

go 1.23
