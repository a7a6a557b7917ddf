module localcluster

go 1.21
