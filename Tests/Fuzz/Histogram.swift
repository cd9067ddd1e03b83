// Histograms of any values, their percentiles and their percentile text. Input: values, each with how often.

import GyreCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var bytes = Bytes(data, count)
    var (histogram, half) = (LatencyHistogram(), LatencyHistogram())
    var values: [UInt64] = []
    while !bytes.isAtEnd, values.count < 64 {
        let choice = bytes.byte()
        let (value, times) = (bytes.number(), choice % 4 == 0 ? bytes.number() : UInt64(choice / 4 % 8))
        if choice % 2 == 0 {
            histogram.record(nanoseconds: value, times: times)
        } else {
            half.record(nanoseconds: value, times: times)
        }
        if times > 0 { values.append(value) }
    }
    histogram.merge(half)
    precondition(histogram.minimumNanoseconds == values.min())
    precondition(histogram.maximumNanoseconds == values.max())
    var last: UInt64 = 0
    for percentile in [0, 0.001, 1, 25, 50, 75, 90, 99, 99.9, 99.999, 100] {
        guard let value = histogram.nanoseconds(atPercentile: percentile) else {
            precondition(values.isEmpty)
            continue
        }
        precondition(value >= last && value >= values.min()! && value <= values.max()!)
        last = value
    }
    let units = LatencyHistogram.ExportUnit.allCases  // one at a time: the texts are what takes long
    check(histogram.percentileText(in: units[count % units.count]), histogram)
    return 0
}

/// Reads the text as a plotter does: value, percentile, count up to there, and none of them ever falls.
private func check(_ text: String, _ histogram: LatencyHistogram) {
    var (value, percentile, total) = (-1.0, -1.0, UInt64(0))
    let lines = text.split(separator: "\n")
    precondition(lines.first?.contains("Percentile") == true)
    let rows = lines.dropFirst().filter { !$0.hasPrefix("#") }
    precondition(lines.count == rows.count + 4, "a header, and three lines at the end")
    for row in rows {
        let columns = row.split(separator: " ")
        guard columns.count >= 3, let newValue = Double(columns[0]), let newPercentile = Double(columns[1]),
            let newTotal = UInt64(columns[2])
        else { preconditionFailure("\(row)") }
        precondition(newValue >= value && newPercentile >= percentile && newTotal >= total, "\(row)")
        precondition((newPercentile == 1) == (columns.count == 3) || newPercentile >= 1 - 1e-11, "\(row)")
        (value, percentile, total) = (newValue, newPercentile, newTotal)
    }
    precondition(rows.isEmpty == (histogram.count == 0))
    if !rows.isEmpty { precondition(percentile == 1 && total == histogram.count) }
}
