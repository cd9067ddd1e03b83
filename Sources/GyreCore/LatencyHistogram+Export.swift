internal import CGyre

extension LatencyHistogram {
    /// The unit of the values in an exported text.
    public enum ExportUnit: Sendable, CaseIterable {
        case nanoseconds, microseconds, milliseconds

        fileprivate var nanoseconds: UInt64 {
            switch self {
            case .nanoseconds: 1
            case .microseconds: 1_000
            case .milliseconds: 1_000_000
            }
        }
    }

    /// The distribution as HdrHistogram's percentile text (`.hgrm`), which its plotters read.
    ///
    /// Each half of the distance that remains to 100 % is divided into five steps, as HdrHistogram does by default.
    /// A histogram without values gives the header and the footer only.
    public func percentileText(in unit: ExportUnit = .microseconds) -> String {
        var text = [("Value", 12), ("Percentile", 14), ("TotalCount", 10), ("1/(1-Percentile)", 14)]
            .map { pad($0.0, to: $0.1) }.joined(separator: " ")
        text += "\n\n"
        for line in percentileLines() {
            text += pad(decimal(line.nanoseconds, in: unit), to: 12)
            text += " \(fixed(line.fraction, digits: 12)) \(pad(String(line.countUpTo), to: 10))"
            if line.fraction < 1 { text += " \(pad(fixed(1 / (1 - line.fraction), digits: 2), to: 14))" }
            text += "\n"
        }
        let scale = Double(unit.nanoseconds)
        let mean = pad(fixed((meanNanoseconds ?? 0) / scale, digits: 3), to: 12)
        let deviation = pad(fixed(standardDeviationNanoseconds / scale, digits: 3), to: 12)
        let largest = pad(decimal(maximumNanoseconds ?? 0, in: unit), to: 12)
        let subBuckets = 1 << Int(GYRE_HISTOGRAM_SUB_BUCKET_BITS)
        let rows = pad(String(Int(GYRE_HISTOGRAM_BUCKETS) / subBuckets), to: 12)
        text += "#[Mean    = \(mean), StdDeviation   = \(deviation)]\n"
        text += "#[Max     = \(largest), Total count    = \(pad(String(count), to: 12))]\n"
        text += "#[Buckets = \(rows), SubBuckets     = \(pad(String(subBuckets), to: 12))]\n"
        return text
    }

    /// The standard deviation as far as the buckets tell it, 0 for an empty histogram.
    public var standardDeviationNanoseconds: Double {
        guard let mean = meanNanoseconds else { return 0 }
        var squares = 0.0
        forEachBucket { _, reported, held in
            let distance = Double(reported) - mean
            squares += distance * distance * Double(held)
        }
        return (squares / Double(count)).squareRoot()
    }

    private struct PercentileLine {
        var nanoseconds: UInt64
        var fraction: Double
        var countUpTo: UInt64
    }

    /// Walks the buckets once and the levels along with them. A bucket that spans several levels gives a line for
    /// each; the largest value gives the last line, at 1.
    private func percentileLines() -> [PercentileLine] {
        guard let largest = maximumNanoseconds else { return [] }
        var lines: [PercentileLine] = []
        var step = 0
        var seen: UInt64 = 0
        forEachBucket { _, reported, held in
            seen = seen.addingSaturating(held)
            let isLast = seen >= count
            let reached = Double(seen) / Double(count)
            var level = level(ofStep: step)
            // The last bucket holds the levels that are left, without end: they stop where a level would stand for
            // less than one value. Below 1 for the sake of counts that a Double cannot tell apart.
            while level <= reached, level < 1, !isLast || (1 - level) * Double(count) >= 1 {
                lines.append(PercentileLine(nanoseconds: isLast ? largest : reported, fraction: level, countUpTo: seen))
                step += 1
                level = self.level(ofStep: step)
            }
        }
        lines.append(PercentileLine(nanoseconds: largest, fraction: 1, countUpTo: count))
        return lines
    }

    /// 0, 0.1 … 0.4, 0.5, 0.55 … 0.7, 0.75, 0.775 …: five steps to each half of what is left.
    private func level(ofStep step: Int) -> Double {
        let half = Double(sign: .plus, exponent: -(step / 5), significand: 1)
        return 1 - half * (1 - Double(step % 5) / 10)
    }
}

private func pad(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

/// `nanoseconds` in `unit` with three digits after the point, exact apart from the digits that are cut off.
private func decimal(_ nanoseconds: UInt64, in unit: LatencyHistogram.ExportUnit) -> String {
    let size = unit.nanoseconds
    let thousandths = (nanoseconds % size) * 1_000 / size
    let digits = String(thousandths)
    return "\(nanoseconds / size).\(String(repeating: "0", count: 3 - digits.count))\(digits)"
}

/// `value`, not negative, with `digits` digits after the point.
private func fixed(_ value: Double, digits: Int) -> String {
    var power = 1.0
    for _ in 0..<digits { power *= 10 }
    guard (value * power).rounded() < 0x1p63 else { return "\(value)" }
    let scaled = UInt64((value * power).rounded())
    let whole = scaled / UInt64(power)
    let rest = String(scaled % UInt64(power))
    return "\(whole).\(String(repeating: "0", count: digits - rest.count))\(rest)"
}
