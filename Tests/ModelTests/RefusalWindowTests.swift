import Model
import Testing

struct RefusalWindowTests {
    @Test("The first refusals of a window are recorded, the rest are counted and summed up once")
    func window() {
        var window = RefusalWindow()
        for _ in 0..<RefusalWindow.maximumRecorded {
            #expect(!window.isFull(at: 5))
            #expect(window.add(at: 5) == .recorded)
        }
        #expect(window.isFull(at: 5) && window.deadline == nil, "nothing to sum up yet")
        for _ in 0..<3 { #expect(window.add(at: 6) == .counted) }
        #expect(window.deadline == 5 + RefusalWindow.length)
        #expect(window.takeSum() == 3)
        #expect(window.takeSum() == nil && window.deadline == nil && !window.isFull(at: 7))
    }

    @Test("A window that is over begins anew, and none is lost that was not summed up")
    func next() {
        var window = RefusalWindow()
        for _ in 0..<RefusalWindow.maximumRecorded { _ = window.add(at: 0) }
        #expect(!window.isFull(at: RefusalWindow.length))
        #expect(window.add(at: RefusalWindow.length) == .recorded)
        for _ in 1..<RefusalWindow.maximumRecorded { _ = window.add(at: RefusalWindow.length) }
        #expect(window.add(at: RefusalWindow.length) == .counted)
        #expect(window.add(at: 3 * RefusalWindow.length) == .counted)
        #expect(window.takeSum() == 2)
    }
}
