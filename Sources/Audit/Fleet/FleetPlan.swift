internal import Model
package import PostgresLink

/// A database that every record goes to, and whose revocations there count here.
package struct FleetPlan: Sendable {
    package let access: PostgresAccess
    /// Public keys in lower-case hex, of the machines whose word on principals counts.
    package let trust: [String]

    package init(_ access: PostgresAccess, trust: [String]) {
        (self.access, self.trust) = (access, trust)
    }

    /// A key as it is written: what a chain is named by; nil for what is none.
    package static func key(_ text: String) -> String? {
        let key = text.lowercasedASCII
        let isHex = key.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return key.utf8.count == FleetLimits.chain && isHex ? key : nil
    }
}
