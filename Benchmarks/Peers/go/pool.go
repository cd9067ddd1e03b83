// Goroutines as an executor: the loops of Loops.swift. A line that begins with "pool" asks for one of them
// (PoolRequest.swift); the answer is nine numbers, or the reason why there are none.
package main

import (
	"fmt"
	"math"
	"math/bits"
	"os"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	openLoop = 20 * time.Microsecond
	tick     = 100 * time.Microsecond
	pace     = 10 * time.Microsecond
	idle     = time.Millisecond
)

type request struct {
	subject, kind, body          string
	submitters, operations, load uint64
}

type poolRun struct {
	nanoseconds                                  time.Duration
	operations, countIn, countOut, digIn, digOut uint64
	p50, p99                                     time.Duration
	bytes                                        uint64
}

// tasks counts in its upper 24 bits and sums in its lower 40: a goroutine knows no thread of its own, so one addition
// to a shared word is the least that it can be counted by.
var tasks atomic.Uint64

const (
	one     = uint64(1) << 40
	sumMask = one - 1
)

var rounds uint64
var stamps []time.Duration
var epoch = time.Now()

func now() time.Duration { return time.Since(epoch) }

func work(seed uint64) uint64 {
	for n := uint64(0); n < rounds; n++ {
		seed = seed*6364136223846793005 + 1442695040888963407
	}
	return seed
}

// done uses a value of work, or there would be no work: it is not 0 but by chance.
func done(value, word uint64) {
	if value == 0 && rounds > 0 {
		word++
	}
	taskWord(word)
}

func taskEmpty()           { tasks.Add(one + 1) }
func taskWord(word uint64) { tasks.Add(one + word&0xff) }

func taskWork(word uint64) { done(work(word), word) }

func taskStamped(number uint64) {
	value := work(number)
	stamps[number] = now()
	done(value, number)
}

func sleepUntil(instant time.Duration) {
	if left := instant - now(); left > 0 {
		// Not time.Sleep, which is as coarse as the poller.
		wanted := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&wanted, nil)
	}
}

// settle waits for the tasks. `words` says whether they added their numbers or ones.
func settle(count uint64, began time.Duration, words bool) poolRun {
	for tasks.Load()>>40 < count {
		sleepUntil(now() + 20*time.Microsecond)
	}
	ended := now()
	value := tasks.Swap(0)
	sum := count
	if words { // of the lowest eight bits of all numbers below
		full, rest := count/256, count%256
		sum = full*(256*255/2) + (rest*rest-rest)/2
	}
	return poolRun{
		nanoseconds: ended - began, operations: count, countIn: count, countOut: value >> 40,
		digIn: sum, digOut: value & sumMask,
	}
}

func flood(r request) poolRun {
	each := r.operations / r.submitters
	var ready, ended sync.WaitGroup
	line := make(chan struct{})
	for index := uint64(0); index < r.submitters; index++ {
		ready.Add(1)
		ended.Add(1)
		go func(first uint64) {
			defer ended.Done()
			ready.Done()
			<-line
			for word := first; word < first+each; word++ {
				word := word
				switch r.body {
				case "empty":
					go taskEmpty()
				case "word":
					go func() { taskWord(word) }()
				default:
					go func() { taskWork(word) }()
				}
			}
		}(index * each)
	}
	ready.Wait()
	began := now()
	close(line)
	ended.Wait()
	return settle(each*r.submitters, began, r.body != "empty")
}

func fanOut(r request) poolRun {
	began := now()
	go func() {
		for word := uint64(0); word < r.operations; word++ {
			word := word
			go func() { taskWord(word) }()
		}
	}()
	return settle(r.operations, began, true)
}

func fork(depth int) {
	if depth == 0 {
		taskEmpty()
		return
	}
	go fork(depth - 1)
	go fork(depth - 1)
}

func tree(r request) poolRun {
	depth := bits.Len64(r.operations) - 2
	if depth < 2 {
		depth = 2
	}
	began := now()
	go fork(depth)
	run := settle(1<<depth, began, false)
	run.operations = 2<<depth - 1
	return run
}

// awaited: callers that wait for each value before they ask for the next one.
func awaited(r request) poolRun {
	each := r.operations / r.submitters
	var ended sync.WaitGroup
	began := now()
	for caller := uint64(0); caller < r.submitters; caller++ {
		ended.Add(1)
		go func(first uint64) {
			defer ended.Done()
			for number := first; number < first+each; number++ {
				number := number
				value := make(chan uint64, 1)
				go func() {
					if r.body == "work" {
						taskWork(number)
					} else {
						taskWord(number)
					}
					value <- number
				}()
				if <-value != number {
					panic("another goroutine's value")
				}
			}
		}(caller * each)
	}
	ended.Wait()
	return settle(each*r.submitters, began, true)
}

// latencies: from what submit returns to the end of the task.
func latencies(r request, submit func(number uint64) time.Duration) poolRun {
	stamps = make([]time.Duration, r.operations)
	intended := make([]time.Duration, 0, r.operations)
	began := now()
	for number := uint64(0); number < r.operations; number++ {
		intended = append(intended, submit(number))
	}
	run := settle(r.operations, began, true)
	waits := make([]time.Duration, r.operations)
	for n := range waits {
		waits[n] = stamps[n] - intended[n]
	}
	sort.Slice(waits, func(a, b int) bool { return waits[a] < waits[b] })
	run.p50 = waits[len(waits)/2]
	run.p99 = waits[len(waits)*99/100]
	return run
}

func start(number uint64) { go func() { taskStamped(number) }() }

func idleStart(r request) poolRun {
	return latencies(r, func(number uint64) time.Duration {
		sleepUntil(now() + idle)
		submitted := now()
		start(number)
		return submitted
	})
}

func paced(r request) poolRun {
	began := now() + idle
	return latencies(r, func(number uint64) time.Duration {
		intended := began + time.Duration(number)*pace
		for now() < intended {
		}
		start(number)
		return intended
	})
}

func openLoopRun(r request) poolRun {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, 29 /* PR_SET_TIMERSLACK */, 1, 0)
	mean := float64(r.load) * float64(runtime.NumCPU()) * float64(tick) / float64(100*openLoop)
	next := arrivals(mean)
	due, left := now()+idle, uint64(0)
	return latencies(r, func(number uint64) time.Duration {
		for left == 0 {
			left = next()
			due += tick
		}
		sleepUntil(due)
		left--
		start(number)
		return due
	})
}

// arrivals: how many in an interval, by Knuth's method, the same numbers as in Loops.swift.
func arrivals(mean float64) func() uint64 {
	state, floor := uint64(0x9E3779B97F4A7C15), math.Exp(-mean)
	uniform := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11) / (1 << 53)
	}
	return func() uint64 {
		count := uint64(0)
		for product := uniform(); product > floor; product *= uniform() {
			count++
		}
		return count
	}
}

// memory: what goroutines hold that wait. A goroutine that has not begun has its stack already, so that those that are
// queued are held up by nothing but a gate too.
func memory(r request) poolRun {
	var arrived atomic.Uint64
	gate := make(chan struct{})
	began, before := now(), residentBytes()
	for n := uint64(0); n < r.operations; n++ {
		go func() {
			arrived.Add(1)
			switch r.kind {
			case "timer":
				time.Sleep(time.Hour)
			case "parked":
				select {}
			default:
				<-gate
				taskEmpty()
			}
		}()
	}
	for arrived.Load() < r.operations {
		sleepUntil(now() + idle)
	}
	sleepUntil(now() + 50*idle) // the last ones are on their way
	after := residentBytes()
	close(gate)
	if r.kind == "timer" || r.kind == "parked" {
		tasks.Add(arrived.Load() * (one + 1)) // they wait for longer than the process lives
	}
	run := settle(r.operations, began, false)
	run.bytes = after - before
	return run
}

// residentBytes: of this process, the second number of the file, in pages.
func residentBytes() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	var all, resident uint64
	if _, err := fmt.Sscan(string(text), &all, &resident); err != nil {
		panic(err)
	}
	return resident * uint64(os.Getpagesize())
}

func answerPool(line string) error {
	var r request
	var head string
	_, err := fmt.Sscan(line, &head, &r.subject, &r.kind, &r.body, &r.submitters, &r.operations, &rounds, &r.load)
	if err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	kinds := map[string]func(request) poolRun{
		"post": flood, "fire": flood, "run": awaited, "fan-out": fanOut, "tree": tree, "idle-start": idleStart,
		"paced": paced, "open-loop": openLoopRun, "queued": memory, "suspended": memory, "timer": memory,
		"parked": memory,
	}
	kind, isKnown := kinds[r.kind]
	if !isKnown {
		fmt.Println("left out: it has no such operation")
		return nil
	}
	n := kind(r)
	fmt.Println(
		n.nanoseconds.Nanoseconds(), n.operations, n.countIn, n.countOut, n.digIn, n.digOut, n.p50.Nanoseconds(),
		n.p99.Nanoseconds(), n.bytes)
	return nil
}
