//! The stand-in for AWS is tested itself: what leans on it is only as good as it is strict.
