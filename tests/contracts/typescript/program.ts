// A photo from the first byte to its HD file, as a page or a server would write it with the
// client that is generated from openapi.json. It is compiled, never run.

import { createClient } from './client/client';
import * as rekindle from './client';
import type {
  CheckOutErrors,
  JobDocument,
  MakeJobErrors,
  OrderDocument,
  Problem,
  RestoreDocument,
  UploadPhotoErrors,
} from './client';

const client = createClient({ baseUrl: 'https://api.example', auth: () => 'token' });

const key = () => ({ 'Idempotency-Key': crypto.randomUUID() });

/** One call: the photo in a form. */
export async function upload(photo: File): Promise<JobDocument> {
  const { data, error } = await rekindle.uploadPhoto({
    client,
    headers: key(),
    body: { email: 'ada@example.com', photo },
  });
  if (error) throw new Error(sentence(error));
  return data;
}

/** Two calls, and the photo goes straight to the bucket. */
export async function uploadDirectly(photo: File): Promise<JobDocument> {
  const begun = await rekindle.beginUpload({
    client,
    headers: key(),
    body: { content_type: 'image/jpeg', size_bytes: photo.size },
    throwOnError: true,
  });
  const form = new FormData();
  for (const [name, value] of Object.entries(begun.data.fields)) form.append(name, value);
  form.append('file', photo);
  await fetch(begun.data.url, { method: 'POST', body: form });
  const { data, error } = await rekindle.makeJob({
    client,
    headers: key(),
    body: { upload_id: begun.data.id, email: 'ada@example.com' },
  });
  if (error) throw new Error(explain(error));
  return data;
}

/** The status tells which errors there can be, and the code which one it is. */
export function explain(problem: MakeJobErrors[keyof MakeJobErrors]): string {
  switch (problem.code) {
    case 'upload_not_found':
    case 'upload_expired':
    case 'upload_already_used':
      return 'Begin another upload.';
    case 'upload_incomplete':
      return 'The photo has not arrived yet.';
    case 'damaged_photo':
      return `${problem.detail} ${problem.errors?.[0]?.field ?? ''}`;
    default:
      return sentence(problem);
  }
}

/** All that every problem has. */
export function sentence(problem: Problem): string {
  return problem.retryable ? `${problem.detail} Try again.` : problem.detail;
}

/** A union without a case for the rest: a new code of ours would be seen by the compiler. */
export function whose(problem: UploadPhotoErrors[415] | CheckOutErrors[404]): 'photo' | 'attempt' {
  switch (problem.code) {
    case 'unsupported_photo_type':
      return 'photo';
    case 'job_not_found':
    case 'attempt_not_found':
      return 'attempt';
    default:
      return problem satisfies never;
  }
}

/** Parameters of a graph beside our own fields. */
export async function restore(job: JobDocument): Promise<RestoreDocument> {
  const { data } = await rekindle.restorePhoto({
    client,
    path: { job_id: job.id },
    headers: key(),
    body: { graph: 'restore', denoise: 0.5, seed: 7 },
    throwOnError: true,
  });
  return data;
}

/** Polled with the version that is known: 304 has no document. */
export async function until(restoration: RestoreDocument): Promise<RestoreDocument> {
  let known = restoration;
  let etag: string | undefined;
  while (known.status === 'queued' || known.status === 'running') {
    const polled: Awaited<ReturnType<typeof rekindle.getRestoreAttempt>> =
      await rekindle.getRestoreAttempt({
        client,
        path: { job_id: known.job_id, attempt_id: known.id },
        headers: { 'if-none-match': etag },
      });
    if (polled.response?.status === 200 && polled.data) known = polled.data;
    etag = polled.response?.headers.get('ETag') ?? undefined;
    await new Promise((resolve) => setTimeout(resolve, 1000 * (known.eta_seconds ?? 1)));
  }
  return known;
}

/** Followed instead of polled. */
export async function follow(job: JobDocument): Promise<void> {
  const { stream } = await rekindle.streamJobEvents({
    client,
    path: { job_id: job.id },
    headers: { 'last-event-id': '1041' },
    onSseEvent: (event) => console.log(event.id, event.event),
  });
  for await (const data of stream) {
    if ('at' in data) console.log(data.at, data.progress);
    else console.log(data.attempts.map((attempt) => attempt.progress));
  }
}

/** Bought, and waited for; 402 has a link to the page where it is bought. */
export async function buy(job: JobDocument, chosen: RestoreDocument): Promise<string> {
  await rekindle.selectAttempt({
    client,
    path: { job_id: job.id },
    body: { attempt_id: chosen.id },
  });
  const ordered = await rekindle.checkOut({
    client,
    path: { job_id: job.id },
    headers: key(),
    body: { attempt_id: chosen.id, currency: 'eur' },
    throwOnError: true,
  });
  const order: OrderDocument = ordered.data;
  const hd = await rekindle.getRestoreHd({
    client,
    path: { job_id: job.id, attempt_id: chosen.id },
  });
  if (hd.data) return hd.data.url;
  if (hd.error.code === 'payment_required') return hd.error.links?.['checkout'] ?? '';
  return order.checkout_url ?? '';
}

/** Page by page, and away with them. */
export async function clear(): Promise<void> {
  const page = await rekindle.listJobs({ client, query: { limit: 100 }, throwOnError: true });
  for (const job of page.data.jobs) {
    const gone = await rekindle.deleteJob({ client, path: { job_id: job.id } });
    if (gone.data?.links.undo) await rekindle.undeleteJob({ client, path: { job_id: job.id } });
  }
}
