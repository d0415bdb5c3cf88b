// Each line that ends in "// wrong" must not compile, and no other.

import * as rekindle from './client';
import type { GetJobErrors, JobDocument } from './client';

export async function mistakes(job: JobDocument, photo: File, told: GetJobErrors[404]) {
  await rekindle.uploadPhoto({ body: { email: 'ada@example.com' } }); // wrong
  await rekindle.uploadPhoto({ body: { mail: 'ada@example.com', photo } }); // wrong
  await rekindle.beginUpload({ body: { content_type: 'image/gif' } }); // wrong
  await rekindle.restorePhoto({ path: { job: job.id } }); // wrong
  await rekindle.restorePhoto({ path: { job_id: job.id }, body: { seed: [7] } }); // wrong
  await rekindle.listJobs({ query: { limit: '100' } }); // wrong
  await rekindle.checkOut({ path: { job_id: job.id }, body: { price: 1 } }); // wrong
  if (told.code === 'job_lost') return; // wrong
  if (told.code === 'job_not_found') return job.photo?.width;
  return job.selected_restore_id.length; // wrong
}
