// The parts of liburcu that Gyre uses: the wait-free concurrent queue, and the hash table with the bulletproof flavour.
#include <urcu/urcu-bp.h>
#include <urcu/rculfhash.h>
#include <urcu/wfcqueue.h>
