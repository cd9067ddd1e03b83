module gyre.benchmarks/channel

go 1.18
