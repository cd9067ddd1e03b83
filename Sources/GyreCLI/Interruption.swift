import Glibc
import Synchronization

/// SIGINT and SIGTERM as a question that the work asks now and then.
///
/// The first signal is remembered; the second one of its kind ends the process as if nothing had been installed.
enum Interruption {
    private static let received = Atomic<Int32>(0)

    /// The signal that arrived, if one did.
    static var signal: Int32? {
        let number = received.load(ordering: .relaxed)  // A lone flag: nothing is handed over with it.
        return number == 0 ? nil : number
    }

    /// Starts listening. Before there are other threads, which inherit what is blocked.
    static func install() {
        // The handler may run at any instruction, so the flag must exist before it is installed.
        received.store(0, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            Interruption.received.store(number, ordering: .relaxed)
        }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
        // A parent may have blocked them, as Foundation does for what it starts: then nobody could end this program.
        var unblocked = sigset_t()
        sigemptyset(&unblocked)
        for number in [SIGINT, SIGTERM] {
            sigaction(number, &action, nil)
            sigaddset(&unblocked, number)
        }
        pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
    }
}
