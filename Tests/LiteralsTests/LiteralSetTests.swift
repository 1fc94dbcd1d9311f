import Literals
import Testing

struct LiteralSetTests {
    private func ends(_ literals: [String], in text: String, inAnyCase: Bool = false) throws -> [[Int]] {
        let set = try #require(LiteralSet(literals.map { Array($0.utf8) }, inAnyCase: inAnyCase))
        var hits: [LiteralSet.Hit] = []
        let octets = Array(text.utf8)
        #expect(set.find(in: octets.span.bytes, &hits))
        return hits.map { [$0.literal, $0.end] }
    }

    @Test func `Each literal is found where it ends, also one within another`() throws {
        #expect(
            try ends(["ab", "b", "@"], in: "xab@ab").sorted { $0.lexicographicallyPrecedes($1) } == [
                [0, 3], [0, 6], [1, 3], [1, 6], [2, 4],
            ]
        )
        #expect(try ends(["ab"], in: "AB aB").isEmpty)
        #expect(try ends(["ab"], in: "AB aB", inAnyCase: true) == [[0, 2], [0, 5]])
        #expect(try ends(["a"], in: "").isEmpty)
    }

    @Test func `Octets that mean something in patterns stand for themselves`() throws {
        #expect(try ends(["(.*", "\\", "$x"], in: "a(.*\\$x") == [[0, 4], [1, 5], [2, 7]])
    }

    @Test func `No literal, or an empty one, makes no set`() {
        #expect(LiteralSet([]) == nil)
        #expect(LiteralSet([[1], []]) == nil)
    }
}
