import Foundation
import FoundationXML
import Gyre
import GyreCore
import GyrePolicy
import Testing

/// Drawings of graphs and of runs.
@Suite struct GraphPictureTests {
    private func checkout() throws -> GraphPlan<Int> {
        var graph = TaskGraph<Int>("checkout", onFailure: .compensate)
        let stock = graph.node("stock") { $0 }
        let price = graph.node("price") { $0 }
        let bill = graph.node("bill", stock, price) { _, stock, price in stock + price }
        let ship = graph.node("ship", bill.when { $0.value == 7 }, after: ["price"]) { _, bill in bill }
        _ = graph.join("end", ship, rule: .always) { _, _ async in 1 }
        graph.undo(stock) { _, _ in }
        return try graph.build()
    }

    @Test func textShowsStepsAndParents() throws {
        let expected = """
            checkout: 5 nodes, on failure compensate
             1  stock  undo
                price
             2  bill                  <- stock, price
             3  ship                  <- bill?, (price)
             4  end    always, async  <- ship

            """
        #expect(try checkout().picture.text == expected)
    }

    @Test func dotNamesNodesAndStyles() throws {
        let dot = try checkout().picture.dot
        #expect(dot.hasPrefix("digraph \"checkout: 5 nodes, on failure compensate\" {\n"))
        #expect(dot.contains("n0 [label=\"stock\\nundo\"];"))
        #expect(dot.contains("n0 -> n2;") && dot.contains("n2 -> n3 [style=dashed, label=\"when\"];"))
        #expect(dot.contains("n1 -> n3 [style=dotted];"))
        #expect(dot.hasSuffix("}\n"))
    }

    @Test func mermaidNamesNodesAndArrows() throws {
        let expected = """
            ---
            title: "checkout: 5 nodes, on failure compensate"
            ---
            flowchart LR
              n0["stock<br/>undo"]
              n1["price"]
              n2["bill"]
              n3["ship"]
              n4["end<br/>always, async"]
              n0 --> n2
              n1 --> n2
              n2 -- when --> n3
              n1 -.-> n3
              n3 --> n4

            """
        #expect(try checkout().picture.mermaid == expected)
    }

    @Test func aRunShowsHowItsNodesEnded() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("run")
        let bad = graph.node("bad") { _ -> Int in throw Failure(number: 1) }
        _ = graph.node("needs", bad) { $1 }
        let good = graph.node("good") { $0 }
        _ = graph.node("no", good.when { _ in false }) { $1 }
        let picture = try await runtime.run(try graph.build(), 1).picture
        await runtime.finishAsync()
        #expect(picture.title == "run: 4 nodes, on failure skipDependants, partial, 1 failed")
        #expect(picture.nodes.map(\.ending) == [.failed, .upstreamFailed, .succeeded, .skipped])
        #expect(picture.nodes[1].remark == "because of bad")
        #expect(picture.edges.map(\.style) == [.data, .untaken])
        #expect(picture.text.contains("no     skipped         <- good!  [because of good]"))
        #expect(picture.mermaid.contains("class n1 upstreamFailed"))
        #expect(picture.dot.contains("n2 -> n3 [style=dashed, label=\"not taken\""))
        let image = try Image(picture.svg)
        #expect(image.boxes.count == 4 && image.arrows == 2)
    }

    // MARK: - SVG

    /// Random graphs: well-formed, all boxes apart and on the image, every edge drawn, the same each time.
    @Test(arguments: Array(UInt64(1)...200)) func imagesAreLegible(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var graph = TaskGraph<Int>("graph \(seed)")
        let count = random.number(1...40)
        var edges = 0
        for node in 0..<count {
            let parents = Set(
                (0..<random.number(0...3)).compactMap { _ in node > 0 ? random.number(0...(node - 1)) : nil })
            edges += parents.count
            _ = graph.node("node \(node)", after: parents.sorted().map { "node \($0)" }) { $0 }
        }
        let picture = try graph.build().picture
        let image = try Image(picture.svg)
        #expect(image.boxes.count == count && image.arrows == edges, "seed \(seed)")
        for (index, box) in image.boxes.enumerated() {
            #expect(box.x >= 0 && box.y >= 0 && box.right <= image.width && box.bottom <= image.height, "seed \(seed)")
            for other in image.boxes[(index + 1)...] {
                let isApart =
                    box.right < other.x || other.right < box.x || box.bottom < other.y || other.bottom < box.y
                #expect(isApart, "seed \(seed)")
            }
        }
        #expect(try graph.build().picture.svg == picture.svg)
    }

    @Test func namesCannotBreakADrawing() throws {
        let name = "a\"b\\c<d>&e\nf\u{1}#;`]]>"
        var graph = TaskGraph<Int>(name)
        _ = graph.node(name) { $0 }
        _ = graph.node("é", after: [name]) { $0 }
        let picture = try graph.build().picture
        #expect(try Image(picture.svg).boxes.count == 2)
        #expect(picture.dot.contains("\"a\\\"b\\\\c<d>&e\\nf\u{1}#;`]]>\""))
        #expect(picture.mermaid.contains("[\"a#quot;b#92;c#lt;d#gt;#amp;e f"))
        #expect(picture.mermaid.split(separator: "\n").count == 7)
    }

    @Test func thousandsOfNodesAreDrawn() throws {
        var graph = TaskGraph<Int>("large")
        for node in 0..<3_000 {
            let parents = [node - 1, node / 2, node / 3].filter { $0 >= 0 && $0 < node }
            _ = graph.node("\(node)", after: Set(parents).sorted().map(String.init)) { $0 }
        }
        let picture = try graph.build().picture
        #expect(try Image(picture.svg).boxes.count == 3_000)
        #expect(picture.text.split(separator: "\n").count == 3_001)
    }

    // MARK: - Critical path

    @Test func theCriticalPathLeadsThroughTheSlowNodes() async throws {
        let runtime = try makeRuntime()
        let fast = Latch()
        var graph = TaskGraph<Int>("path")
        let top = graph.node("top") { $0 }
        let quick = graph.node("quick", top) { _, value in
            fast.open()
            return value
        }
        let slow = graph.node("slow", top) { _, value async in
            // Ends after the other one has.
            _ = eventually { fast.isOpen }
            return value
        }
        let end = graph.node("end", quick, slow) { $1 + $2 }
        _ = graph.node("never", end.when { _ in false }) { $1 }
        let result = try await runtime.run(try graph.build(), 1)
        let names = result.criticalPath.map(\.name)
        #expect(names.first == "top" && names.last == "end" && names.count == 3)
        let total = result.criticalPath.reduce(Duration.zero) { $0 + $1.ran + $1.waited }
        #expect(total > .zero)
        #expect(result.picture.nodes.filter(\.isCritical).map(\.name).count == 3)
        await runtime.finishAsync()
    }

    @Test func anUntimedRunHasNoCriticalPath() async throws {
        let runtime = try makeRuntime { $0.timing = .off }
        let result = try await runtime.run(try diamond(), 1)
        #expect(result.criticalPath.isEmpty)
        #expect(result.picture.nodes.allSatisfy { $0.ending == .succeeded && $0.remark.isEmpty })
        await runtime.finishAsync()
    }
}

/// What is on an SVG image, read by an XML parser.
private final class Image: NSObject, XMLParserDelegate {
    struct Box {
        let x: Double
        let y: Double
        let right: Double
        let bottom: Double
    }

    private(set) var width = 0.0
    private(set) var height = 0.0
    private(set) var boxes: [Box] = []
    private(set) var arrows = 0

    struct Malformed: Error { let line: Int }

    init(_ text: String) throws {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        guard parser.parse() else { throw Malformed(line: parser.lineNumber) }
    }

    func parser(
        _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        let number = { (name: String) in attributes[name].flatMap(Double.init) ?? -1 }
        switch element {
        case "svg": (width, height) = (number("width"), number("height"))
        case "rect" where attributes["rx"] != nil:
            let (x, y) = (number("x"), number("y"))
            boxes.append(Box(x: x, y: y, right: x + number("width"), bottom: y + number("height")))
        case "path" where attributes["marker-end"] != nil: arrows += 1
        default: break
        }
    }
}
