import Glibc

/// Where text goes, and whether it may be styled there.
enum Terminal {
    /// Whether escape sequences make sense on `descriptor`: it is a terminal that knows them, and neither `NO_COLOR`
    /// nor `CI` asks for plain lines.
    static func isStyled(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && !isSet("NO_COLOR") && !isSet("CI") && environment("TERM") != "dumb"
    }

    /// Set and not empty, as no-color.org asks for.
    private static func isSet(_ name: String) -> Bool {
        environment(name).map { !$0.isEmpty } ?? false
    }

    private static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}

/// Writes `text` to `descriptor` until all of it is taken. An error there has nobody left to hear of it on standard
/// error; on standard output it is returned.
@discardableResult
func emit(_ text: String, to descriptor: Int32) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 {
            rest = rest.dropFirst(count)
        } else if errno != EINTR {
            return false
        }
    }
    return true
}
