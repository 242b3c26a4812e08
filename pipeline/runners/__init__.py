"""What a runner outside of this process needs of us: workers that it can ask for."""
