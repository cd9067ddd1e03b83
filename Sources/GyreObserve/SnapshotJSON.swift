public import GyreCore

extension RuntimeSnapshot {
    /// The snapshot as a JSON object. Keys stay as they are; new ones may come. Units close the names, before the
    /// percentile. What was not measured is null.
    ///
    /// - Parameter interval: The time that the rate and the workers' shares refer to. `nil` means the uptime.
    public func jsonObject(over interval: Duration? = nil) -> JSONObject {
        let interval = interval ?? uptime
        var object = JSONObject()
        object["uptime_nanoseconds"] = .integer(uptime.wholeNanoseconds)
        object["tasks_done"] = .integer(tasksDone)
        object["tasks_failed"] = .integer(tasksFailed)
        object["tasks_late"] = .integer(tasksLate)
        object["tasks_cancelled"] = .integer(tasksCancelled)
        object["tasks_skipped"] = .integer(tasksSkipped)
        object["tasks_refused"] = .integer(tasksRefused)
        object["records_in_flight"] = .integer(recordsInFlight)
        object["runs_live"] = .integer(runsLive)
        object["tasks_per_minute"] = .integer(tasksPerMinute(over: interval))
        object["executor_jobs"] = .integer(executorJobs)
        object["overflow_jobs_max"] = .integer(overflowJobsMax)
        object["timers_waiting"] = .integer(timersWaiting)
        for (name, histogram) in [("queue_wait", queueWait), ("run", run), ("total", total)] {
            object["\(name)_count"] = .integer(histogram.count)
            for (suffix, percentile) in [("p50", 50), ("p99", 99), ("p999", 99.9), ("max", 100)] {
                let value = histogram.nanoseconds(atPercentile: percentile)
                object["\(name)_nanoseconds_\(suffix)"] = value.map { .integer($0) } ?? .null
            }
        }
        object.merge(clock.jsonObject)
        object["workers"] = .array(workers.map { .object($0.jsonObject(over: interval)) })
        object["blocking"] = .object(blocking.jsonObject)
        object["caches"] = .array(caches.map { .object($0.jsonObject) })
        return object
    }
}

extension BlockingSnapshot {
    /// The threads for blocking bodies as a JSON object.
    public var jsonObject: JSONObject {
        var object = JSONObject()
        object["threads"] = .integer(UInt64(threads))
        object["running"] = .integer(UInt64(running))
        object["waiting"] = .integer(UInt64(waiting))
        object["refused"] = .integer(refused)
        return object
    }
}

extension CacheSnapshot {
    /// The cache as a JSON object.
    public var jsonObject: JSONObject {
        var object = JSONObject()
        object["title"] = .string(title)
        object["hits"] = .integer(hits)
        object["misses"] = .integer(misses)
        object["stale"] = .integer(stale)
        object["negative"] = .integer(negative)
        object["refreshes"] = .integer(refreshes)
        object["evicted"] = .integer(evicted)
        object["too_heavy"] = .integer(tooHeavy)
        object["entries"] = .integer(UInt64(entries))
        object["weight"] = .integer(UInt64(weight))
        object["loading"] = .integer(UInt64(loading))
        return object
    }
}

extension WorkerSnapshot {
    fileprivate func jsonObject(over interval: Duration) -> JSONObject {
        var object = JSONObject()
        object["index"] = .integer(UInt64(index))
        object["state"] = .string(state.rawValue)
        object["tasks"] = .integer(tasks)
        object["records"] = .integer(records)
        object["busy_percent"] = .number((busyPercent(of: interval) * 100).rounded() / 100)
        object["busy_nanoseconds"] = .integer(busyNanoseconds)
        object["steals"] = .integer(steals)
        object["parks"] = .integer(parks)
        object["wakes"] = .integer(wakes)
        object["pinned_processor"] = pinnedProcessor.map { .integer(UInt64($0)) } ?? .null
        return object
    }
}

extension ClockDescription {
    /// The clock as JSON members, each key beginning with `clock_`.
    public var jsonObject: JSONObject {
        var object = JSONObject()
        object["clock_source"] = .string(source)
        object["clock_step_nanoseconds"] = .integer(stepNanoseconds)
        object["clock_read_nanoseconds"] = .number((readCostNanoseconds * 100).rounded() / 100)
        object["clock_drift_parts_per_billion"] = .signed(driftPartsPerBillion)
        return object
    }
}
