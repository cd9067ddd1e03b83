module gyre.benchmarks/peer

go 1.19
