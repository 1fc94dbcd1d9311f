// Every test of this target uses it.
@_exported public import TestSupport
