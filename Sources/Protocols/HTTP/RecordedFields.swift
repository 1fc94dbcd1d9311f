package import Model
package import NIOHTTP1

extension HeadFields {
    /// Fields as they are recorded: of a value for which there is no room, its length; of what is behind, its count.
    package init(_ headers: HTTPHeaders) {
        var text = ""
        var left = headers.count
        for (name, value) in headers {
            let room = HTTPLimits.recorded - text.utf8.count - name.utf8.count - Self.spare
            guard room >= 0 else {
                text += "\n[\(left) more fields]"
                break
            }
            if !text.isEmpty { text += "\n" }
            text += name
            text += ": "
            if value.utf8.count <= room { text += value } else { text += "[\(value.utf8.count) octets]" }
            left -= 1
        }
        self.init(text: text)
    }

    /// Octets of what stands between and behind the fields.
    private static let spare = 64
}

extension HTTPEngine {
    /// The fields of the request that is being asked about, as they would go on without a credential; nil while none is.
    package var askedFields: HeadFields? {
        guard case .asking(let asking) = state else { return nil }
        return HeadFields(asking.checked.head.headers)
    }
}
