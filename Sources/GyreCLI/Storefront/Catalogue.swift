/// The shop's catalogue, as the workload's page lists it, column by column: a task loads the columns it needs and
/// no copy of the rest.
struct Catalogue: Sendable {
    static let titleCount = 16

    let listCents: InlineArray<16, UInt16>
    let costCents: InlineArray<16, UInt16>
    /// Levels of a full shelf: winter, spring, summer, autumn.
    let seasonLevels: InlineArray<4, InlineArray<16, UInt8>>
    /// Pieces a day.
    let sales: InlineArray<16, UInt8>
    let codes: InlineArray<16, StaticString>
    let names: InlineArray<16, StaticString>

    static let standard = Catalogue(
        listCents: [
            1199, 1299, 999, 1399, 1499, 1099, 1199, 699, 1699, 1149, 2399, 899, 1849, 2799, 4999, 7999,
        ],
        costCents: [
            740, 790, 610, 860, 930, 650, 720, 380, 1080, 700, 1560, 520, 1190, 1850, 3400, 5600,
        ],
        seasonLevels: [
            [40, 70, 30, 64, 18, 96, 52, 75, 12, 0, 26, 9, 33, 20, 8, 5],
            [62, 48, 30, 58, 44, 0, 50, 75, 20, 36, 24, 9, 41, 15, 6, 4],
            [88, 22, 34, 40, 60, 0, 54, 75, 28, 104, 22, 9, 47, 15, 6, 3],
            [55, 66, 28, 72, 24, 48, 58, 75, 16, 14, 30, 9, 38, 24, 14, 10],
        ],
        sales: [6, 5, 4, 7, 5, 9, 6, 8, 3, 8, 2, 1, 4, 2, 1, 1],
        codes: [
            "T01", "T02", "T03", "T04", "T05", "T06", "T07", "T08", "T09", "T10", "T11", "T12", "T13", "T14", "T15",
            "T16",
        ],
        names: [
            "Harbour Lights", "Paper Lanterns", "Northern Static", "Slow Rivers", "The Glass Orchard", "Winter Choir",
            "Copper Moon", "Kitchen Radio", "Signal and Noise", "Summer Ferry", "Two Trains", "Field Recordings",
            "Velvet Arcade", "Night Bus Sessions", "Complete Quartets", "The Long Archive",
        ])
}
