// harnesses.h: every harness, once. Included with HARNESS(piece) defined; a binary may hold fewer.

HARNESS(litmus)
HARNESS(ring)
HARNESS(event)
HARNESS(depot)
HARNESS(runq)
HARNESS(words)
HARNESS(waits)
HARNESS(timer)
HARNESS(clock)
HARNESS(overflow)
HARNESS(pool)
