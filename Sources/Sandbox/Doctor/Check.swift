internal import Foundation

/// One thing of the machine that Bailey uses: whether it is there, what for, and how to get it.
package struct Check: Sendable, Hashable {
    /// What was found, with a detail such as a version or an error.
    package enum State: Sendable, Hashable {
        case available(String)
        /// Bailey runs, with less: the detail says what is lost.
        case degraded(String)
        case missing(String)
    }

    package let name: String
    package let purpose: String
    package let state: State
    /// What to do when it is not available.
    package let remedy: String
    /// The default profile does not run without it.
    package let isRequired: Bool

    package init(name: String, purpose: String, state: State, remedy: String, isRequired: Bool) {
        self.name = name
        self.purpose = purpose
        self.state = state
        self.remedy = remedy
        self.isRequired = isRequired
    }

    package var blocksDefaultProfile: Bool {
        guard isRequired, case .missing = state else { return false }
        return true
    }

    /// `ok        landlock: a second wall … (ABI 7)`; anything else than ok says what to do.
    package var line: String {
        let head = "\(word.padding(toLength: 9, withPad: " ", startingAt: 0)) \(name): \(purpose)"
        let tail = detail.isEmpty ? "" : " (\(detail))"
        return isAvailable ? head + tail : "\(head)\(tail)\n          \(remedy)"
    }

    /// One JSON object without line breaks.
    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(Record(self)), as: UTF8.self)
        }
    }

    fileprivate var isAvailable: Bool {
        if case .available = state { true } else { false }
    }

    fileprivate var detail: String {
        switch state {
        case .available(let text), .degraded(let text), .missing(let text): text
        }
    }

    fileprivate var word: String {
        switch state {
        case .available: "ok"
        case .degraded: "degraded"
        case .missing: isRequired ? "MISSING" : "missing"
        }
    }
}

/// The JSON object's members.
private struct Record: Encodable {
    let name: String
    let purpose: String
    let state: String
    let detail: String
    let remedy: String?
    let required: Bool
    let blocks: Bool

    init(_ check: Check) {
        name = check.name
        purpose = check.purpose
        state = check.word.lowercased()
        detail = check.detail
        remedy = check.isAvailable ? nil : check.remedy
        required = check.isRequired
        blocks = check.blocksDefaultProfile
    }
}
