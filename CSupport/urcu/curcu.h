// The part of liburcu that Gyre uses: the wait-free concurrent queue.
#include <urcu/wfcqueue.h>
