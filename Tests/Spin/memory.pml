/* memory.pml: shared memory behind store buffers, included by the models.

   Spin itself is sequentially consistent. Here a thread's store goes to its own buffer first, and `drain` moves it to
   memory at any later time, in order: a thread sees its own stores at once and others see them late, as on x86. A
   read-modify-write and a fence wait until the own buffer is empty.

   Before the include: THREADS, PLACES (locations of memory) and DEPTH (stores that a buffer holds). */

typedef Buffer {
    byte count;
    byte place[DEPTH];
    byte value[DEPTH]
}

Buffer buffer[THREADS];
byte memory[PLACES];

inline store(thread, where, what) {
    atomic {
        buffer[thread].count < DEPTH ->
        buffer[thread].place[buffer[thread].count] = where;
        buffer[thread].value[buffer[thread].count] = what;
        buffer[thread].count++
    }
}

/* The youngest own store, else memory. */
inline load(thread, where, result) {
    d_step {
        result = memory[where];
        at = 0;
        do
        :: at < buffer[thread].count ->
            if
            :: buffer[thread].place[at] == where -> result = buffer[thread].value[at]
            :: else
            fi;
            at++
        :: else -> break
        od;
        at = 0
    }
}

inline fence(thread) { buffer[thread].count == 0 }

/* One for each thread. The unused end of a buffer is kept zero, so that equal states look equal. */
proctype drain(byte thread) {
    byte at;
end:
    do
    :: d_step {
            buffer[thread].count > 0 ->
            memory[buffer[thread].place[0]] = buffer[thread].value[0];
            at = 1;
            do
            :: at < buffer[thread].count ->
                buffer[thread].place[at - 1] = buffer[thread].place[at];
                buffer[thread].value[at - 1] = buffer[thread].value[at];
                at++
            :: else -> break
            od;
            buffer[thread].count--;
            buffer[thread].place[buffer[thread].count] = 0;
            buffer[thread].value[buffer[thread].count] = 0;
            at = 0
        }
    od
}
