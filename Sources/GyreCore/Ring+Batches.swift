extension Ring {
    /// What became of a push of many.
    public enum BatchPushResult: Sendable, Equatable {
        /// So many of the first ones are in: at least one, if there were any.
        case pushed(Int)
        /// Nothing was stored.
        case full
        /// Nothing was stored, and nothing will be.
        case closed
    }

    /// What became of a pop of many.
    public enum BatchPopResult: Sendable, Equatable {
        /// So many came out: at least one, if any were asked for.
        case popped(Int)
        /// Nothing there; more may come.
        case empty
        /// Closed, and everything that was pushed has been popped.
        case drained
    }

    /// The most elements that one batch has.
    public static var batchCountMax: Int { 32 }

    /// Appends as many of the first elements as there is room for, in batches of up to 32. Without a lane one by one.
    ///
    /// A ring with a lane is two queues. It promises:
    ///
    /// - Nothing is lost or doubled. A batch goes in whole: who pops sees all of it or nothing. Its elements keep their
    ///   order, and so do the batches of one producer.
    /// - `full` means that at a moment within the call the lane held ``batchCapacity`` batches, of whatever size. It is
    ///   exact while at most 16 calls are under way of threads beyond the first 64 or that just emptied a batch of
    ///   which others still move parts out. `drained` is always exact.
    /// - While both queues have something, pops take turns between them, so neither starves.
    ///
    /// It does not promise:
    ///
    /// - An order between batches and elements that were pushed by themselves, even by one producer.
    /// - That `empty` was true of both queues at one moment. A pop looks at one, then at the other, and something may
    ///   have come into the first meanwhile; what was in before the call, and that nobody else popped, is found.
    ///
    /// - Complexity: O(count), with one exchange for each batch. No allocation.
    /// - Concurrency: Lock-free, from any thread.
    @inlinable
    public func tryPush(contentsOf elements: Span<Element>) -> BatchPushResult {
        guard let lane else { return pushSingly(elements) }
        var pushed = 0
        while pushed < elements.count {
            let count = min(elements.count - pushed, Self.batchCountMax)
            let verdict = push(elements, from: pushed, count, through: lane)
            guard verdict == .done else {
                return pushed > 0 ? .pushed(pushed) : verdict == .closed ? .closed : .full
            }
            pushed += count
        }
        return .pushed(pushed)
    }

    /// Removes up to `count` elements and appends them to `elements`: of one batch or, if there is none or it is their
    /// turn, the oldest of those that were pushed by themselves.
    ///
    /// May take less than `count` although there is more. A batch that is larger than `count` stays, less what was
    /// taken. What it promises is said at ``tryPush(contentsOf:)``.
    ///
    /// - Complexity: O(count), with one exchange for a batch. Allocates where `elements` has to grow.
    /// - Concurrency: Lock-free, from any thread.
    @inlinable
    public func tryPop(upTo count: Int, into elements: inout [Element]) -> BatchPopResult {
        guard count > 0 else { return .popped(0) }
        guard let lane else { return popSingly(upTo: count, into: &elements) }
        if takesBatch(lane, otherwise: true) {
            let batch = pop(upTo: count, into: &elements, through: lane)
            if case .popped = batch { return batch }
            let single = popSingly(upTo: count, into: &elements)
            return batch == .drained ? single : single == .drained ? .empty : single
        }
        let single = popSingly(upTo: count, into: &elements)
        if case .popped = single { return single }
        let batch = pop(upTo: count, into: &elements, through: lane)
        return single == .drained ? batch : batch == .drained ? .empty : batch
    }

    /// A single element out of a ring with a lane.
    @inlinable
    func tryPopOne(_ lane: BatchLane) -> PopResult {
        let batchFirst = takesBatch(lane, otherwise: false)
        let first = batchFirst ? popFirst(of: lane) : popSingle()
        if case .popped = first { return first }
        let second = batchFirst ? popSingle() : popFirst(of: lane)
        if case .popped = second { return second }
        if case .drained = first, case .drained = second { return .drained }
        return .empty
    }

    // MARK: - One queue

    @inlinable
    func push(_ elements: Span<Element>, from first: Int, _ count: Int, through lane: BatchLane) -> Slab.Verdict {
        guard let chunk = lane.take() else { return lane.isClosed ? .closed : .refused }
        let places = lane.places(of: Element.self, chunk)
        for offset in 0..<count { (places + offset).initialize(to: elements[first + offset]) }
        let verdict = lane.push(chunk, count)
        if verdict != .done {
            places.deinitialize(count: count)
            lane.give(chunk)
        }
        return verdict
    }

    @inlinable
    func pop(upTo count: Int, into elements: inout [Element], through lane: BatchLane) -> BatchPopResult {
        var batch = BatchLane.Batch()
        let verdict = lane.pop(upTo: count, &batch)
        guard verdict == .done else { return verdict == .closed ? .drained : .empty }
        let places = lane.places(of: Element.self, batch.chunk) + batch.offset
        for offset in 0..<batch.count { elements.append((places + offset).move()) }
        lane.finish(batch)
        return .popped(batch.count)
    }

    @inlinable
    func popFirst(of lane: BatchLane) -> PopResult {
        var batch = BatchLane.Batch()
        let verdict = lane.pop(upTo: 1, &batch)
        guard verdict == .done else { return verdict == .closed ? .drained : .empty }
        let element = (lane.places(of: Element.self, batch.chunk) + batch.offset).move()
        lane.finish(batch)
        return .popped(element)
    }

    @inlinable
    func pushSingly(_ elements: Span<Element>) -> BatchPushResult {
        for index in 0..<elements.count {
            switch tryPush(elements[index]) {
            case .pushed: continue
            case .full: return index > 0 ? .pushed(index) : .full
            case .closed: return index > 0 ? .pushed(index) : .closed
            }
        }
        return .pushed(elements.count)
    }

    @inlinable
    func popSingly(upTo count: Int, into elements: inout [Element]) -> BatchPopResult {
        for popped in 0..<count {
            switch popSingle() {
            case .popped(let element): elements.append(element)
            case .empty: return popped > 0 ? .popped(popped) : .empty
            case .drained: return popped > 0 ? .popped(popped) : .drained
            }
        }
        return .popped(count)
    }
}
