-- What an early wiredesk of schema 1 would have left: fewer columns, fewer tables, one row each.
CREATE TABLE wiredesk_schema (version BIGINT PRIMARY KEY, why VARCHAR);
INSERT INTO wiredesk_schema VALUES (1, 'the first tables');
CREATE TABLE articles (
    article_id VARCHAR, fetch_id VARCHAR, url VARCHAR, canonical_url VARCHAR, source VARCHAR, title VARCHAR,
    authors VARCHAR[], text VARCHAR, text_hash VARCHAR, word_count BIGINT, story_id VARCHAR, parent_id VARCHAR,
    PRIMARY KEY (article_id)
);
INSERT INTO articles VALUES (
    'old', 'f', 'https://herald.example/old', 'https://herald.example/old', 'herald', 'An old title',
    ['A', 'B'], 'Text.', 'h', 1, 'old', NULL
);
CREATE TABLE receipts (
    fetch_id VARCHAR, outcome VARCHAR, article_id VARCHAR, "position" VARCHAR, "at" TIMESTAMPTZ, PRIMARY KEY (fetch_id)
);
INSERT INTO receipts VALUES ('f', 'article', 'old', 'p', '2026-03-01 00:00:00+00');
CREATE TABLE stories (story_id VARCHAR, title VARCHAR, PRIMARY KEY (story_id));
