import Model
import NIOHTTP1

/// What a head says of its body's form.
enum JSONBody {
    /// Whether the body is JSON as it is sent: by one content type, in UTF-8, under no content coding.
    static func isDeclared(_ headers: HTTPHeaders) -> Bool {
        guard let (type, parameters) = contentType(headers) else { return false }
        guard type == "application/json" || (type.begins(with: "application/") && type.ends(with: "+json"))
        else {
            return false
        }
        guard headers["content-encoding"].allSatisfy({ Octets.lowercased($0) == "identity" }) else {
            return false
        }
        return parameters.allSatisfy { parameter in
            let text = Octets.lowercased(Octets.trimmed(parameter)).utf8.filter { $0 != UInt8(ascii: "\"") }
            return !text.starts(with: "charset".utf8) || text.elementsEqual("charset=utf-8".utf8)
        }
    }

    /// Nil unless there is exactly one; the type in lower case.
    static func contentType(_ headers: HTTPHeaders) -> (type: String, parameters: [Substring])? {
        let fields = headers["content-type"]
        guard fields.count == 1, let field = fields.first else { return nil }
        let parts = field.cut(at: ";", omittingEmptySubsequences: false)
        guard let type = parts.first else { return nil }
        return (Octets.lowercased(Octets.trimmed(type)), Array(parts.dropFirst()))
    }
}
