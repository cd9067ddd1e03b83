/* shutdown.pml: close against submit, workers that leave, and what is taken back (gyre_dispatch.c: close, may_leave,
   prepare_sleep, stopped, retract; gyre_dispatch.h: wake and submit).

   A producer submits two items through its own queue while the pool closes; two workers take items and leave. At the
   end each item that was accepted has run once, each that was refused has not, nobody sleeps and nobody waits.

   Tokens and searching are left out (parking.pml has them): every submit that sees a sleeper wakes it.

   Defined, each of these leaves one thing out, and the model must fail:
   NO_SUBMIT_FENCE  the fence between queueing an item and looking whether the pool is closed (W1)
   NO_LAST_LOOK     the look of a worker that sees the pool closed
   NO_RETRACT       taking an item back when the pool closed meanwhile
   NO_STOPPED       waiting, before that, until no worker runs any more
   NO_CLOSE_WAKE    waking the sleepers when the pool closes */

#define WORKERS 2
#define THREADS 4
#define DEPTH 3
#define ITEMS 2
#define IDLE 0
#define CLOSED 1
#define TAIL 2
#define EPOCH(worker) (3 + (worker))
#define PLACES 5

#include "memory.pml"

#define PRODUCER 2
#define CLOSER 3
#define BIT(worker) (1 << (worker))

byte head;
bit asleep[WORKERS];
byte left;          /* workers that have left */
bool stopped;       /* behind a release and an acquire, after everything that workers did */
bool ended;         /* the producer */
byte ran[ITEMS];
bool accepted[ITEMS];

inline wake(me, which) {
    atomic { fence(me); memory[EPOCH(which)] = (memory[EPOCH(which)] + 1) & 3 }
    asleep[which] = 0
}

proctype producer() {
    byte seen, at, item, which;
    do
    :: item == ITEMS -> break
    :: else ->
        load(PRODUCER, CLOSED, seen); /* gyre_dispatch_is_closed: refused at once */
        if
        :: seen -> break
        :: else
        fi;
        store(PRODUCER, TAIL, item + 1);
#ifndef NO_SUBMIT_FENCE
        fence(PRODUCER);
#endif
        load(PRODUCER, IDLE, seen);
        do
        :: seen == 0 -> break
        :: else ->
            which = (seen & 1 -> 0 : 1);
            atomic {
                fence(PRODUCER);
                seen = memory[IDLE];
                memory[IDLE] = memory[IDLE] & (3 - BIT(which))
            }
            if
            :: seen & BIT(which) -> wake(PRODUCER, which); break
            :: else -> seen = seen & (3 - BIT(which))
            fi
        od;
        seen = 0; which = 0;
        load(PRODUCER, CLOSED, seen);
        if
        :: !seen -> accepted[item] = true
        :: else ->
            seen = 0;
#ifdef NO_RETRACT
            accepted[item] = true
#else
#ifndef NO_STOPPED
            stopped;
#endif
            atomic { /* gyre_runq_pop: the oldest that is left */
                if
                :: head < item + 1 -> head++
                :: else -> accepted[item] = true
                fi
            }
#endif
        fi;
        item++
    od;
    ended = true
}

proctype worker(byte me) {
    byte seen, at, epoch;
    bool found;
    do
    :: load(me, TAIL, seen);
        atomic {
            if
            :: seen > head -> ran[head]++; head++; found = true
            :: else
            fi;
            seen = 0
        }
        if
        :: found -> found = false
        :: else ->
            atomic { fence(me); memory[IDLE] = memory[IDLE] | BIT(me) }
            fence(me);
            load(me, TAIL, seen);
            found = seen > head;
            seen = 0;
            if
            :: found -> found = false; atomic { fence(me); memory[IDLE] = memory[IDLE] & (3 - BIT(me)) }
            :: else ->
                load(me, CLOSED, seen);
                if
                :: seen ->
                    seen = 0;
                    atomic { fence(me); memory[IDLE] = memory[IDLE] & (3 - BIT(me)) }
#ifdef NO_LAST_LOOK
                    break
#else
                    fence(me); /* W3 */
                    load(me, TAIL, seen);
                    found = seen > head;
                    seen = 0;
                    if
                    :: found -> found = false
                    :: else -> break
                    fi
#endif
                :: else ->
                    do
                    :: load(me, EPOCH(me), epoch);
                        load(me, IDLE, seen);
                        if
                        :: !(seen & BIT(me)) -> break
                        :: else
                        fi;
                        atomic {
                            fence(me);
                            if
                            :: memory[EPOCH(me)] == epoch -> asleep[me] = 1
                            :: else
                            fi
                        }
                        asleep[me] == 0
                    od;
                    epoch = 0; seen = 0
                fi
            fi
        fi
    od;
    left++
}

/* gyre_dispatch_close, then gyre_dispatch_stopped when all workers have been joined */
proctype closer() {
    store(CLOSER, CLOSED, 1);
    fence(CLOSER);
#ifndef NO_CLOSE_WAKE
    atomic { fence(CLOSER); memory[IDLE] = memory[IDLE] & 2 }
    wake(CLOSER, 0);
    atomic { fence(CLOSER); memory[IDLE] = memory[IDLE] & 1 }
    wake(CLOSER, 1);
#endif
    left == WORKERS;
    stopped = true
}

proctype monitor() {
end:
    timeout ->
        assert(ended && stopped);
        assert(ran[0] == accepted[0]);
        assert(ran[1] == accepted[1])
}

init {
    atomic {
        run drain(0); run drain(1); run drain(2); run drain(3);
        run producer(); run closer();
        run worker(0); run worker(1);
        run monitor()
    }
}
