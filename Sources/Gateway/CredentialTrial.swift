package import Model
internal import Reflection

extension CredentialBinding {
    /// Why a secret of this value could not be put into requests, as far as it can be told without one; nil when it can.
    package func shortcoming(of value: String) -> String? {
        do throws(CredentialFailure) {
            _ = try CredentialMaterial(self, value: CredentialValue(value), ClientIdentities())
        } catch {
            return error.message
        }
        switch place {
        case .clientCertificate, .awsSignature, .password, .loginCertificate, .sessionRole: return nil
        case .field, .query, .cookie:
            guard !SecretSpellings.isSearchable(value) else { return nil }
            return "what is secret of it (of a value with a space, what follows that) has fewer than "
                + "\(ReflectionLimits.shortest) or more than \(ReflectionLimits.longest) octets, which could not be masked "
                + "in a reply"
        }
    }
}
