import Supervisor
import Testing

/// Which agent's next connection is taken.
@Suite("Places of control connections")
struct ConnectionPlacesTests {
    private static let places = ConnectionPlaces(ofAll: 100, ofOne: 64)

    private static func answer(
        _ open: Int,
        closing: Int = 0,
        ofAll: (open: Int, closing: Int)
    ) -> ConnectionPlaces.Answer {
        places.answer(
            to: ConnectionPlaces.Count(open: open, closing: closing),
            of: ConnectionPlaces.Count(open: ofAll.open, closing: ofAll.closing)
        )
    }

    @Test(
        "One agent has as many connections as it may, and fewer than twice what is left",
        arguments: [
            (0, 0, .take), (63, 63, .take), (64, 64, .turnAway), (59, 70, .take),
            (60, 70, .turnAway), (0, 99, .take), (0, 100, .turnAway),
        ] as [(Int, Int, ConnectionPlaces.Answer)]
    )
    func share(own: Int, all: Int, answer: ConnectionPlaces.Answer) {
        #expect(Self.answer(own, ofAll: (all, 0)) == answer)
    }

    @Test("F16: What an agent sent has its place until it is closed: it waits, and others do not")
    func closing() {
        // Sixty-four that are being closed: the next is not even accepted.
        #expect(Self.answer(0, closing: 64, ofAll: (0, 64)) == .wait)
        #expect(Self.answer(40, closing: 24, ofAll: (40, 24)) == .wait)
        #expect(Self.answer(40, closing: 2, ofAll: (40, 2)) == .take)
        // Another agent meanwhile.
        #expect(Self.answer(0, ofAll: (0, 64)) == .take)
        #expect(Self.answer(63, ofAll: (63, 0)) == .take)
    }

    @Test("F16: What many have sent is counted together, and who sent nothing is told so, never left waiting")
    func together() {
        #expect(Self.answer(0, ofAll: (10, 89)) == .take)
        #expect(Self.answer(0, ofAll: (10, 90)) == .turnAway)
        #expect(Self.answer(0, ofAll: (10, 500)) == .turnAway)
        #expect(Self.answer(0, closing: 1, ofAll: (10, 90)) == .wait)
    }
}
