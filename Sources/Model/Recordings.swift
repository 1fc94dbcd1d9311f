/// Whether bodies are recorded.
package enum Recording: String, Sendable, Hashable, CaseIterable {
    /// Heads alone, which always are.
    case metadata
    case full
}

/// Whether what an agent's terminal shows is recorded.
package enum TerminalRecording: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case off
    /// Recorded; what cannot be written ends the recording, which is said on record.
    case bestEffort = "best-effort"
    /// Recorded; what cannot be written ends the agent.
    case required

    private var rank: Int {
        switch self {
        case .off: 0
        case .bestEffort: 1
        case .required: 2
        }
    }

    package static func < (left: TerminalRecording, right: TerminalRecording) -> Bool {
        left.rank < right.rank
    }
}

/// What is kept of an agent's terminal.
package struct RecordedTerminal: Sendable, Hashable, Codable {
    /// Sealed chunks, the last among them.
    package let chunks: UInt64
    /// Octets of the recording as it is played: asciicast.
    package let octets: UInt64
    /// SHA-256 of its file in lower-case hex, up to the last of those chunks; nil where there is none.
    package let digest: String?
    /// Why it ends before the agent did; nil when it does not.
    package let missing: String?

    package init(chunks: UInt64, octets: UInt64, digest: String?, missing: String?) {
        (self.chunks, self.octets, self.digest, self.missing) = (chunks, octets, digest, missing)
    }
}

/// Whose body it is.
package struct BodyPlace: Sendable, Hashable {
    package let run: String
    package let exchange: UInt64
    package let side: BodySide

    package init(run: String, exchange: UInt64, side: BodySide) {
        (self.run, self.exchange, self.side) = (run, exchange, side)
    }
}

/// What is kept of one body, and where.
package struct RecordedBody: Sendable, Hashable, Codable {
    package let side: BodySide
    /// Octets that are kept: without their content coding, masked.
    package let octets: UInt64
    /// Their SHA-256 in lower-case hex.
    package let digest: String
    /// Between which octets of the run's recordings they lie, with others' among them.
    package let first: UInt64
    package let end: UInt64
    /// The content coding that it was passed on in; nil for none.
    package let coding: String?
    /// Why not all of it is kept; nil when it is.
    package let missing: String?

    package var place: Range<UInt64> { first < end ? first..<end : first..<first }

    package init(
        side: BodySide,
        octets: UInt64,
        digest: String,
        place: Range<UInt64>,
        coding: String?,
        missing: String?
    ) {
        self.side = side
        self.octets = octets
        self.digest = digest
        (first, end) = (place.lowerBound, place.upperBound)
        self.coding = coding
        self.missing = missing
    }
}
