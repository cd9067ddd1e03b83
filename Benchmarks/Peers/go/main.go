// A Go channel as a ring: a program of its own, because goroutines need their own runtime. It reads one line for each
// run, "kind element producers consumers capacity operations", and answers with "nanoseconds operations count_in
// count_out digest_in digest_out". The numbers of kinds and elements, the elements and their digests are those of
// bench_peers.h and bench_parts.hpp.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

type record [4]uint64

type element interface {
	uint32 | uint64 | record
}

type shape struct {
	kind, element, producers, consumers, capacity int
	operations                                    uint64
}

type tally struct {
	count, sum uint64
	_          [112]byte
}

type result struct {
	elapsed    time.Duration
	operations uint64
	in, out    tally
}

func word(n uint64) uint64 { return (n + 1) * 0x9E3779B97F4A7C15 }

func makeHandle(n uint64) uint32 { return uint32(n) & 0x7fffffff }
func makeRecord(n uint64) record {
	w := word(n)
	return record{w, ^w, w >> 1, n}
}

func digestHandle(handle uint32) uint64 { return uint64(handle) }
func digestWord(w uint64) uint64        { return w }
func digestRecord(r record) uint64      { return r[0]*(r[1]|1) + (r[2] ^ r[3]) }

// stream: the channel's own calls wait, so this is also what is measured as blocking.
func stream[E element](s shape, make_ func(uint64) E, digest func(E) uint64) result {
	channel := make(chan E, s.capacity)
	ins, outs := make([]tally, s.producers), make([]tally, s.consumers)
	each := s.operations / uint64(s.producers)
	line := make(chan struct{})
	var producing, consuming sync.WaitGroup
	for i := range ins {
		producing.Add(1)
		go func(i int) {
			defer producing.Done()
			<-line
			var t tally
			for n := uint64(i) * each; n < uint64(i+1)*each; n++ {
				e := make_(n)
				t.count++
				t.sum += digest(e)
				channel <- e
			}
			ins[i] = t
		}(i)
	}
	for i := range outs {
		consuming.Add(1)
		go func(i int) {
			defer consuming.Done()
			<-line
			var t tally
			for e := range channel {
				t.count++
				t.sum += digest(e)
			}
			outs[i] = t
		}(i)
	}
	began := time.Now()
	close(line)
	producing.Wait()
	close(channel)
	consuming.Wait()
	r := result{elapsed: time.Since(began)}
	for _, t := range ins {
		r.in.count += t.count
		r.in.sum += t.sum
	}
	for _, t := range outs {
		r.out.count += t.count
		r.out.sum += t.sum
	}
	r.operations = r.in.count
	return r
}

func uncontended[E element](s shape, make_ func(uint64) E, digest func(E) uint64) result {
	channel := make(chan E, s.capacity)
	var r result
	began := time.Now()
	for n := uint64(0); n < s.operations; n++ {
		e := make_(n)
		r.in.count++
		r.in.sum += digest(e)
		channel <- e
		e = <-channel
		r.out.count++
		r.out.sum += digest(e)
	}
	r.elapsed = time.Since(began)
	r.operations = s.operations
	return r
}

func pingPong[E element](s shape, make_ func(uint64) E, digest func(E) uint64) result {
	there, back := make(chan E, s.capacity), make(chan E, s.capacity)
	var r result
	done := make(chan struct{})
	go func() {
		for n := uint64(0); n < s.operations; n++ {
			e := <-there
			r.out.count++
			r.out.sum += digest(e)
			back <- e
		}
		close(done)
	}()
	began := time.Now()
	for n := uint64(0); n < s.operations; n++ {
		e := make_(n)
		r.in.count++
		r.in.sum += digest(e)
		there <- e
		<-back
	}
	<-done
	r.elapsed = time.Since(began)
	r.operations = s.operations
	return r
}

func emptyPop[E element](s shape, digest func(E) uint64) result {
	channel := make(chan E, s.capacity)
	var r result
	began := time.Now()
	for n := uint64(0); n < s.operations; n++ {
		select {
		case e := <-channel:
			r.out.count++
			r.out.sum += digest(e)
		default:
		}
	}
	r.elapsed = time.Since(began)
	r.operations = s.operations
	return r
}

func run[E element](s shape, make_ func(uint64) E, digest func(E) uint64) (result, error) {
	switch s.kind {
	case 0, 1:
		return stream(s, make_, digest), nil
	case 2:
		return uncontended(s, make_, digest), nil
	case 3:
		return pingPong(s, make_, digest), nil
	case 4:
		return emptyPop(s, digest), nil
	}
	return result{}, fmt.Errorf("kind %d is unknown", s.kind)
}

func answer(line string) error {
	var s shape
	if _, err := fmt.Sscan(line, &s.kind, &s.element, &s.producers, &s.consumers, &s.capacity, &s.operations); err != nil {
		return fmt.Errorf("%q: %w", line, err)
	}
	var r result
	var err error
	switch s.element {
	case 0:
		r, err = run(s, makeHandle, digestHandle)
	case 1:
		r, err = run(s, word, digestWord)
	case 2:
		r, err = run(s, makeRecord, digestRecord)
	default:
		err = fmt.Errorf("element %d is unknown", s.element)
	}
	if err == nil {
		fmt.Println(r.elapsed.Nanoseconds(), r.operations, r.in.count, r.out.count, r.in.sum, r.out.sum)
	}
	return err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		reply := answer
		if strings.HasPrefix(lines.Text(), "pool ") {
			reply = answerPool
		}
		if err := reply(lines.Text()); err != nil {
			fmt.Fprintln(os.Stderr, "go-peer:", err)
			os.Exit(1)
		}
	}
}
