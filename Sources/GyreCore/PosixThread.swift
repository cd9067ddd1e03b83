internal import CGyre
internal import Glibc

/// A thread of the system that runs one closure. It must be joined or detached, once.
///
/// `@unchecked`: the identifier is written before the value is shared and never changes.
package struct PosixThread: @unchecked Sendable {
    private let identifier: pthread_t

    /// The kernel would not start a thread: out of memory, or a limit on threads was reached.
    package struct StartError: Error, Sendable {
        package let code: Int32
    }

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread named `name` (the kernel keeps 15 bytes of it).
    package init(name: String, body: @escaping @Sendable () -> Void) throws(StartError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var identifier = pthread_t()
        let code = pthread_create(
            &identifier, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                // A name is a help for whoever looks; a kernel that refuses it changes nothing.
                _ = gyre_cpu_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw StartError(code: code)
        }
        self.identifier = identifier
    }

    package func join() { pthread_join(identifier, nil) }
    package func detach() { pthread_detach(identifier) }
}
