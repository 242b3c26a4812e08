"""The desk over HTTP: pages, the JSON API, downloads and feeds, and what protects them."""
