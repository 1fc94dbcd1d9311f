package import Model

/// Which services and regions a host of AWS is of, as far as its name says.
package enum AWSHost {
    /// The domains below which AWS has its endpoints (AWS General Reference, "AWS service endpoints").
    private static let domains = ["amazonaws.com", "amazonaws.com.cn", "api.aws"].compactMap { DNSName($0) }

    /// Services whose endpoints bear another name than their signatures.
    private static let aliases = [
        "email": "ses", "queue": "sqs", "data": "iotdata", "data-ats": "iotdata", "appstream2": "appstream",
        "metering": "aws-marketplace", "entitlement": "aws-marketplace", "catalog": "aws-marketplace",
    ]

    /// Why a request to this host is not signed in this scope; nil where it may be.
    package static func objection(to scope: AWSScope, at host: Host) -> String? {
        guard case .name(let name) = host,
            let suffix = domains.first(where: { name.prefixLength(above: $0) != nil })
        else {
            return "\(host) is no host of AWS, so the credential must say region and service itself"
        }
        let labels = name.labels.dropLast(suffix.labels.count)
        if let region = labels.last(where: isRegion), !region.isSame(as: scope.region) {
            return "the request is signed for the region \(scope.region), and \(host) is in \(region)"
        }
        let isNamed = labels.contains { label in
            label.isSame(as: scope.service) || label.begins(with: scope.service + "-")
                || aliases[String(label)].map { $0.isSame(as: scope.service) } == true
        }
        return isNamed
            ? nil : "the request is signed for the service \(scope.service), which \(host) does not name"
    }

    /// `eu-central-1`, `us-gov-west-1`.
    private static func isRegion(_ label: Substring) -> Bool {
        let parts = label.cut(at: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, let last = parts.last, let first = parts.first else { return false }
        return first.utf8.count == 2 && last.utf8.count == 1
            && last.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && parts.dropLast().allSatisfy { $0.utf8.allSatisfy { (0x61...0x7A).contains($0) } }
    }
}
