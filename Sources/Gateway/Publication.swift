package import Model

/// Documents that anybody on this machine may read: the public keys that agents are verified by.
package final class Publication: Sendable {
    /// One document.
    package struct Document: Sendable {
        package let mediaType: String
        package let text: String

        package init(mediaType: String, text: String) {
            (self.mediaType, self.text) = (mediaType, text)
        }
    }

    /// The port that it listens at.
    package var port: UInt16 { server.port }
    private let server: LocalServer

    /// Serves documents by their paths from now on.
    ///
    /// - Parameters:
    ///   - address: whose port this is.
    ///   - port: 0 for any.
    ///   - documents: by path, each beginning with `/`; asked at each request, and has to answer at once.
    /// - Throws: when nothing can listen there.
    package init(
        at address: IPAddress,
        port: UInt16,
        documents: @escaping @Sendable () -> [String: Document]
    ) throws {
        server = try LocalServer("publish", at: address, port: port, body: 0) { request, reply in
            reply(Self.answer(request, documents()))
        }
    }

    /// Ends every connection and the listener.
    package func end() { server.end() }

    private static func answer(_ request: LocalRequest, _ documents: [String: Document]) -> LocalReply {
        guard ["GET", "HEAD"].holds(bytes: request.method) else {
            return LocalReply(405, fields: [("allow", "GET, HEAD")], "")
        }
        guard let document = documents[request.path] else { return LocalReply(404, "") }
        return LocalReply(
            200,
            mediaType: document.mediaType,
            fields: [("cache-control", "max-age=300")],
            document.text
        )
    }
}
