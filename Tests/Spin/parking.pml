/* parking.pml: how workers sleep and how producers wake them (gyre_park.h; in gyre_dispatch.c the functions wake,
   wake_slow, pass_wake_on and prepare_sleep).

   Two producers submit an item each, to queues of their own; two workers take them. A body lasts until both items have
   been taken, so that each must find a worker of its own: a worker that sleeps on while an item lies there is what must
   not happen.

   Defined, each of these leaves one thing out, and the model must fail:
   NO_SUBMIT_FENCE   the fence between queueing an item and looking for sleepers (P1)
   NO_PREPARE_FENCE  the fence between announcing sleep and the last look (P2)
   NO_STOP_FENCE     the fence behind giving the token back (P2)
   NO_SECOND_LOOK    the look behind the announcement
   NO_RETAKE         taking the token again when that look found something
   NO_PASS_ON        waking the next worker after taking an item as the searcher
   NO_LOOK_AGAIN     the look of a waker that gave the token back because nobody slept
   NO_EPOCH          the count that a sleeper compares before it sleeps (E3) */

#define WORKERS 2
#define PRODUCERS 2
#define THREADS 4
#define DEPTH 2
#define IDLE 0
#define SEARCHING 1
#define EPOCH(worker) (2 + (worker))
#define TAIL(producer) (4 + (producer))
#define PLACES 6

#include "memory.pml"

byte head[PRODUCERS];
bit asleep[WORKERS];
byte taken;

#define BIT(worker) (1 << (worker))

/* Whether a queue holds an item, as far as `me` can see. */
inline look(me) {
    found = false;
    load(me, TAIL(0), seen);
    found = found || seen > head[0];
    load(me, TAIL(1), seen);
    found = found || seen > head[1];
    seen = 0
}

/* gyre_park_wants_wake */
inline wants_wake(me) {
    load(me, IDLE, seen);
    wanted = seen != 0;
    if
    :: wanted ->
        load(me, SEARCHING, seen);
        wanted = seen == 0
    :: else
    fi;
    seen = 0
}

/* gyre_park_wake_sleeper: wanted is false afterwards if there was one */
inline wake_sleeper(me) {
    load(me, IDLE, seen);
    do
    :: seen == 0 -> break
    :: else ->
        which = (seen & 1 -> 0 : 1);
        atomic {
            fence(me);
            seen = memory[IDLE];
            memory[IDLE] = memory[IDLE] & (3 - BIT(which))
        }
        if
        :: seen & BIT(which) ->
#ifndef NO_EPOCH
            atomic { fence(me); memory[EPOCH(which)] = (memory[EPOCH(which)] + 1) & 7 }
#endif
            asleep[which] = 0;
            wanted = false;
            break
        :: else -> seen = seen & (3 - BIT(which))
        fi
    od
}

/* gyre_dispatch_wake_slow, with gyre_park_wake_one inside */
inline wake_slow(me) {
    wanted = true;
    do
    :: !wanted -> break
    :: wanted ->
        atomic {
            fence(me);
            if
            :: memory[SEARCHING] == 1 -> wanted = false
            :: else -> memory[SEARCHING] = 1
            fi
        }
        if
        :: !wanted
        :: wanted ->
            wake_sleeper(me);
            seen = 0; which = 0;
            if
            :: !wanted
            :: wanted -> /* nobody sleeps */
                store(me, SEARCHING, 0);
                fence(me);
#ifdef NO_LOOK_AGAIN
                wanted = false
#else
                wants_wake(me);
                if
                :: wanted -> look(me); wanted = found; found = false
                :: else
                fi
#endif
            fi
        fi
    od
}

proctype producer(byte number) {
    byte me, seen, at, which;
    bool wanted, found;
    me = WORKERS + number;
    store(me, TAIL(number), 1);
#ifndef NO_SUBMIT_FENCE
    fence(me);
#endif
    wants_wake(me);
    if
    :: wanted -> wake_slow(me)
    :: else /* gyre_dispatch_tell_sleeper: the search may have lasted too long for it */
        if
        :: wake_sleeper(me)
        :: skip
        fi;
        seen = 0; which = 0
    fi
}

proctype worker(byte me) {
    byte seen, at, which, epoch;
    bool wanted, found, holds, has;
    do
    :: /* a turn: any queue that holds something */
        has = false;
        load(me, TAIL(0), seen);
        atomic {
            if
            :: seen > head[0] -> head[0]++; has = true
            :: else
            fi;
            seen = 0
        }
        if
        :: has
        :: else ->
            load(me, TAIL(1), seen);
            atomic {
                if
                :: seen > head[1] -> head[1]++; has = true
                :: else
                fi;
                seen = 0
            }
        fi;
        if
        :: has ->
            if
            :: holds -> /* gyre_dispatch_pass_wake_on */
                holds = false;
                store(me, SEARCHING, 0);
#ifndef NO_STOP_FENCE
                fence(me);
#endif
#ifndef NO_PASS_ON
                wants_wake(me);
                if
                :: wanted -> look(me)
                :: else
                fi;
                if
                :: wanted && found -> found = false; wanted = false; wake_slow(me)
                :: else -> found = false; wanted = false
                fi
#endif
            :: else
            fi;
            taken++;
endbody:    taken == PRODUCERS /* the body */
        :: else -> /* idle: search, announce, look again, sleep */
            if
            :: holds
            :: !holds -> /* gyre_park_start_search */
                load(me, SEARCHING, seen);
                if
                :: seen == 0 ->
                    atomic {
                        fence(me);
                        if
                        :: memory[SEARCHING] == 0 -> memory[SEARCHING] = 1; holds = true
                        :: else
                        fi
                    }
                :: else
                fi;
                seen = 0
            fi;
            look(me); /* with the token or without */
            if
            :: found -> found = false
            :: else -> /* gyre_dispatch_prepare_sleep */
                atomic { fence(me); memory[IDLE] = memory[IDLE] | BIT(me) }
                if
                :: holds -> store(me, SEARCHING, 0); holds = false
                :: else
                fi;
#ifndef NO_PREPARE_FENCE
                fence(me);
#endif
#ifndef NO_SECOND_LOOK
                look(me);
#endif
                if
                :: found ->
                    found = false;
                    atomic {
                        fence(me);
                        holds = !(memory[IDLE] & BIT(me));
                        memory[IDLE] = memory[IDLE] & (3 - BIT(me))
                    }
#ifndef NO_RETAKE
                    if
                    :: holds
                    :: else ->
                        atomic {
                            fence(me);
                            if
                            :: memory[SEARCHING] == 0 -> memory[SEARCHING] = 1; holds = true
                            :: else
                            fi
                        }
                    fi
#endif
                :: else ->
                    do /* gyre_park_sleep */
                    :: load(me, EPOCH(me), epoch);
                        load(me, IDLE, seen);
                        if
                        :: !(seen & BIT(me)) -> break
                        :: else
                        fi;
                        atomic { /* the kernel compares and sleeps in one step */
                            fence(me);
                            if
                            :: memory[EPOCH(me)] == epoch -> asleep[me] = 1
                            :: else
                            fi
                        }
endsleep:               asleep[me] == 0
                    od;
                    epoch = 0; seen = 0;
                    holds = true
                fi
            fi
        fi
    od
}

/* When nothing can move any more, both items are with workers. */
proctype monitor() {
end:
    timeout -> assert(taken == PRODUCERS)
}

init {
    atomic {
        run drain(0); run drain(1); run drain(2); run drain(3);
        run producer(0); run producer(1);
        run worker(0); run worker(1);
        run monitor()
    }
}
