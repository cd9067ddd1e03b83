import Glibc

/// A file that appears complete or not at all.
///
/// The bytes go to a temporary file in the folder of the destination. `commit` syncs it and renames it over the
/// destination; a value that goes away without a commit removes it. A destination that is no regular file (a
/// terminal, a pipe, `/dev/null`) is written in place, because a rename would replace the device.
struct WholeFile: ~Copyable {
    private let path: String
    private let descriptor: Int32
    /// Nil when the destination is written in place.
    private let temporaryPath: String?
    private let destinationPath: String

    private init(path: String, descriptor: Int32, temporaryPath: String?, destinationPath: String) {
        self.path = path
        self.descriptor = descriptor
        self.temporaryPath = temporaryPath
        self.destinationPath = destinationPath
    }

    /// Opens for writing. The destination does not change yet, and an error that can be known now is thrown now.
    init(replacing path: String) throws(WholeFileError) {
        let destination = Self.followingLinks(path)
        var status = stat()
        let exists = stat(destination, &status) == 0
        let isRegular = status.st_mode & S_IFMT == S_IFREG
        if exists && !isRegular {
            // A folder cannot be opened for writing, which is the error it deserves.
            let opened = open(destination, O_WRONLY | O_CLOEXEC)
            guard opened >= 0 else { throw WholeFileError(file: path, systemError: errno) }
            self.init(path: path, descriptor: opened, temporaryPath: nil, destinationPath: destination)
        } else {
            let (opened, name) = try Self.openTemporary(beside: destination, errorsNaming: path)
            // A file that is replaced keeps its permissions; where they cannot be kept the new ones stand.
            if exists { _ = fchmod(opened, status.st_mode & 0o777) }
            self.init(path: path, descriptor: opened, temporaryPath: name, destinationPath: destination)
        }
    }

    /// Runs after `commit` too, where the temporary name is gone and removing it finds nothing.
    deinit {
        close(descriptor)
        if let temporaryPath { unlink(temporaryPath) }
    }

    /// Writes all of `bytes` behind those written before.
    borrowing func write(_ bytes: RawSpan) throws(WholeFileError) {
        var written = 0
        while written < bytes.byteCount {
            let count = bytes.withUnsafeBytes { buffer in
                systemWrite(descriptor, buffer.baseAddress! + written, buffer.count - written)
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw WholeFileError(file: path, systemError: errno)
            }
        }
    }

    borrowing func write(_ text: String) throws(WholeFileError) {
        let bytes = Array(text.utf8)
        try write(bytes.span.bytes)
    }

    /// Makes the file appear: its bytes are on the disk before its name is.
    consuming func commit() throws(WholeFileError) {
        guard let temporaryPath else { return }
        guard fsync(descriptor) == 0, rename(temporaryPath, destinationPath) == 0 else {
            throw WholeFileError(file: path, systemError: errno)
        }
        // The folder holds the name.
        let folder = open(Self.folder(of: destinationPath), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw WholeFileError(file: path, systemError: errno) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw WholeFileError(file: path, systemError: errno) }
    }

    private static func openTemporary(
        beside destination: String, errorsNaming path: String
    ) throws(WholeFileError) -> (descriptor: Int32, name: String) {
        var attempt = 0
        while true {
            let name = "\(destination).\(getpid())-\(attempt).tmp"
            let opened = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if opened >= 0 { return (opened, name) }
            let code = errno
            attempt += 1
            guard code == EEXIST, attempt < 100 else { throw WholeFileError(file: path, systemError: code) }
        }
    }

    /// The file that a symbolic link leads to, so that the link stays a link; `path` itself if there is none yet.
    private static func followingLinks(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}

/// Why a file could not be written, as one line.
struct WholeFileError: Error, Equatable, CustomStringConvertible {
    let file: String
    let reason: String

    init(file: String, systemError code: Int32) {
        self.file = file
        reason = systemErrorText(code)
    }

    var description: String { "\(file): \(reason)" }
}
