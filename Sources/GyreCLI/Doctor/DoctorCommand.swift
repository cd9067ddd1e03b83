#if CLI
import ArgumentParser
import Glibc

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Show what the runtime finds on this machine, and warn of what will hurt.")

    @Flag(name: .long, help: "Print one JSON object.")
    var json = false

    func run() throws {
        let report = DoctorReport(facts: .gather())
        let style = Terminal.isStyled(STDOUT_FILENO)
        emit(json ? report.jsonObject.text + "\n" : report.text(style: style ? .terminal : .plain), to: STDOUT_FILENO)
    }
}
#endif
