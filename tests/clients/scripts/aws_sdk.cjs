// What users of the AWS SDK for JavaScript do, with its defaults.  It prints a line for each step
// and ends with an error if anything differs.
//
// Arguments: endpoint, region, bucket.  The keys are in the environment, as the SDK expects them.

const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const { Readable } = require("node:stream");
const {
  CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, DeleteObjectsCommand,
  GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
} = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const [endpoint, region, Bucket] = process.argv.slice(2);
const MIB = 1024 * 1024;
const ODD = "dir/a +%2F é \u{1F680}/x";

const s3 = new S3Client({ endpoint, region, forcePathStyle: true, maxAttempts: 1 });
const sent = [];
s3.middlewareStack.add(
  (next) => (args) => { sent.push(args.request.headers); return next(args); },
  { step: "finalizeRequest", priority: "low" },
);

const md5 = (body) => `"${createHash("md5").update(body).digest("hex")}"`;

async function read(Key, more = {}) {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return { ...answer, content: Buffer.from(await answer.Body.transformToByteArray()) };
}

async function objects() {
  await s3.send(new CreateBucketCommand({ Bucket }));
  const body = randomBytes(100_000);
  const put = await s3.send(new PutObjectCommand({
    Bucket, Key: ODD, Body: body, ContentType: "text/x", Metadata: { a_b: "v", plain: "w" },
  }));
  assert.equal(put.ETag, md5(body));
  assert.ok(sent.at(-1)["x-amz-checksum-crc32"]);
  assert.equal(put.ChecksumCRC32, sent.at(-1)["x-amz-checksum-crc32"]);

  const got = await read(ODD);  // the SDK compares the checksum
  assert.ok(got.content.equals(body));
  assert.equal(got.ChecksumCRC32, put.ChecksumCRC32);
  assert.equal(got.ContentType, "text/x");
  assert.deepEqual(got.Metadata, { a_b: "v", plain: "w" });
  const part = await read(ODD, { Range: "bytes=10-19" });
  assert.ok(part.content.equals(body.subarray(10, 20)));
  console.log("an object");
}

async function streams() {
  const body = randomBytes(300_000);
  const put = await s3.send(new PutObjectCommand({
    Bucket, Key: "stream", Body: Readable.from([body.subarray(0, 1000), body.subarray(1000)]),
    ContentLength: body.length,
  }));
  assert.equal(sent.at(-1)["x-amz-content-sha256"], "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
  assert.equal(sent.at(-1)["x-amz-trailer"], "x-amz-checksum-crc32");
  assert.equal(put.ETag, md5(body));
  const got = await read("stream");
  assert.ok(got.content.equals(body));
  assert.equal(got.ContentEncoding, undefined);
  console.log("a stream with its checksum behind it");
}

async function multipart() {
  const body = randomBytes(11 * MIB);
  const upload = new Upload({
    client: s3, params: { Bucket, Key: "large", Body: Readable.from([body]) }, partSize: 5 * MIB,
  });
  const done = await upload.done();
  assert.match(done.ETag, /^"[0-9a-f]{32}-3"$/);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "large" }));
  assert.equal(head.ContentLength, body.length);
  assert.equal(head.ETag, done.ETag);
  assert.ok((await read("large")).content.equals(body));
  console.log("a multipart upload");
}

async function presigned() {
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "signed é" }));
  const stored = await fetch(put, { method: "PUT", body: "content" });
  assert.equal(stored.status, 200);
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "signed é" }));
  const got = await fetch(get);
  assert.equal(await got.text(), "content");
  assert.equal((await fetch(get.split("?")[0])).status, 403);
  console.log("presigned URLs");
}

async function listAndDelete() {
  const keys = [];
  let ContinuationToken;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 3, ContinuationToken }));
    keys.push(...page.Contents.map((entry) => entry.Key));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  assert.deepEqual(keys.sort(), [ODD, "large", "signed é", "stream"].sort());
  await s3.send(new DeleteObjectCommand({ Bucket, Key: ODD }));
  await assert.rejects(read(ODD), { name: "NoSuchKey" });
  const Objects = keys.filter((Key) => Key !== ODD).map((Key) => ({ Key }));
  const gone = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  assert.equal(gone.Deleted.length, 3);
  await s3.send(new DeleteBucketCommand({ Bucket }));
  console.log("listing and deletion");
}

(async () => {
  for (const step of [objects, streams, multipart, presigned, listAndDelete]) await step();
})().catch((error) => { console.error(error); process.exitCode = 1; });
