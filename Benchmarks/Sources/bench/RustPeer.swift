import BenchKit
import BenchPeers
import Glibc

/// Tokio, rayon and crossbeam: one program, built when it is first asked, from the sources that Debian installs.
enum RustPeer {
    /// Who lives in it.
    static let subjects: Set = ["tokio", "rayon", "crossbeam", "crossbeam-bounded"]

    /// Builds the program; why it cannot be built is said by whoever asks it.
    static func build() { _ = program }

    /// A process of its own, with the allocator of this one.
    static func start() throws(LeftOut) -> PeerProgram {
        let preload = allocator.map { ["LD_PRELOAD=" + $0] } ?? []
        return try PeerProgram(program.get(), environment: preload)
    }

    private static let program = Result<String, LeftOut> { () throws(LeftOut) in
        let folder = try PeerProgram.source("rust")
        guard system("command -v cargo >/dev/null 2>&1") == 0 else { throw LeftOut("cargo is not installed") }
        let target = PeerProgram.ownFolder + "/rust-peer"
        let build = "cargo build --quiet --release --offline --target-dir '\(target)'"
        guard system("cd '\(folder)' && \(build) 1>&2") == 0 else {
            throw LeftOut("cargo build failed; are librust-tokio-dev, -rayon-dev and -crossbeam-channel-dev installed?")
        }
        return target + "/release/rust-peer"
    }

    /// The file that `malloc` of this process comes from, if it is not the C library.
    private static let allocator: String? = {
        guard let name = bench_allocator_path() else { return nil }
        let path = String(cString: name)
        return path.contains("jemalloc") ? path : nil
    }()
}
