import GyreCore
import GyrePolicy
import Testing

@Suite struct SettingTests {
    @Test func whatTheUserWroteIsTheUsersEvenIfItIsTheDefault() {
        #expect(Setting(nil, default: 3) == Setting(3, from: .default))
        #expect(Setting(3, default: 3) == Setting(3, from: .user))
    }

    @Test(arguments: [
        (Duration.seconds(300), "300 s"), (.milliseconds(1_500), "1500 ms"), (.microseconds(5), "5 us"),
        (.nanoseconds(1), "1 ns"), (.zero, "0 s"),
    ])
    func durationsAreSaidInTheLargestUnitThatDividesThem(duration: Duration, text: String) {
        let line = Setting(duration, from: .learned).described(as: "hedgeDelay")
        #expect(line.description == "hedgeDelay = \(text) (learned)")
    }

    @Test func whatIsNotThereIsSaidToBeNone() {
        #expect(Setting<Duration?>(nil, from: .default).described(as: "idle").value == "none")
        #expect(Setting<Duration?>(.seconds(1), from: .user).described(as: "idle").value == "1 s")
    }

    @Test func aValueOutOfRangeIsRefusedWithTheRightOnes() throws {
        let setting = Setting(Duration.seconds(9), from: .user)
        #expect(try setting.checked("base", in: .zero ... .seconds(9)) == setting)
        #expect(throws: ConfigurationError(field: "base", reason: "9 s is outside 1 ms to 8 s")) {
            try setting.checked("base", in: .milliseconds(1) ... .seconds(8))
        }
    }
}
