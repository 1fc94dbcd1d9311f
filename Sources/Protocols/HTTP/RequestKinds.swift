import Model
import NIOHTTP1

extension RequestKind {
    /// By the head alone, in the one spelling that every server takes for it.
    init(_ headers: HTTPHeaders, _ action: Action) {
        self = .plain
        guard case .http(let method, let path, let query) = action else { return }
        if let query, method.isSame(as: "GET"), path.ends(with: GitService.opening),
            let service = GitService.allCases.first(where: { query.isSame(as: $0.query) })
        {
            self = service.kind
        }
        guard let (type, _) = JSONBody.contentType(headers) else { return }
        if type == "application/grpc" || type.begins(with: "application/grpc+") {
            self = .call
        } else if type.begins(with: "application/x-git-"), method.isSame(as: "POST"), query == nil,
            let service = GitService.allCases.first(where: { type == "application/x-\($0.rawValue)-request" }
            ),
            path.ends(with: "/" + service.rawValue)
        {
            self = service.kind
        }
    }
}
