import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startTestApi, type TestApi } from '../support/api.ts';
import { openRaw } from '../support/raw.ts';

describe('GET /docs', () => {
  let api: TestApi;

  beforeEach(async () => {
    api = await startTestApi();
  });

  it('is a page that loads nothing from elsewhere', async () => {
    const { status, headers, text } = await api.get('/docs');
    expect(status).to.equal(200);
    expect(headers.get('content-type')).to.match(/^text\/html/);
    const loaded = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url ?? '');
    expect(loaded).to.have.length.above(3);
    for (const url of loaded) {
      expect(url).to.match(/^docs\//);
      const asset = await api.get(`/${url}`);
      expect(asset.status, url).to.equal(200);
      expect(asset.text.length, url).to.be.above(50);
      expect(asset.headers.get('content-security-policy')).to.match(/^default-src 'self'/);
    }
    // Inline scripts would need a looser policy.
    expect(text).to.not.match(/<script>|<script [^>]*>[^<]/);
  });

  it('runs none of what it serves: the files are read', async () => {
    const script =
      "await import('./api/routes/docs.ts'); const { createRequire } = await import('node:module');" +
      'console.log(Object.keys(createRequire(import.meta.url).cache).filter((file) => /swagger-ui-dist/.test(file)))';
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--import',
      'tsx',
      '--input-type=module',
      '--eval',
      script,
    ]);
    expect(stdout.trim()).to.equal('[]');
  });

  it('forbids the browser what is not from here', async () => {
    const policy = (await api.get('/docs')).headers.get('content-security-policy') ?? '';
    expect(policy).to.match(/^default-src 'self'/);
    expect(policy).to.not.match(/https?:|script-src[^;]*unsafe|\*/);
  });

  it('serves its files with the types that browsers insist on', async () => {
    const type = async (file: string) =>
      (await api.get(`/docs/${file}`)).headers.get('content-type')?.split(';')[0];
    expect(await type('swagger-ui.css')).to.equal('text/css');
    expect(await type('swagger-ui-bundle.js')).to.equal('text/javascript');
    expect(await type('start.js')).to.equal('text/javascript');
    expect(await type('favicon-32x32.png')).to.equal('image/png');
  });

  it('starts on the document of this server and asks no validator', async () => {
    const { text } = await api.get('/docs/start.js');
    expect(text).to.include("'openapi.json'").and.include('validatorUrl: null');
  });

  for (const file of [
    'nothing.js',
    'index.html',
    'package.json',
    'constructor',
    '__proto__',
    'toString',
    '..%2fpackage.json',
    '..%2f..%2f..%2fpackage.json',
    '%2e%2e%2fpackage.json',
    '%2fetc%2fpasswd',
    'swagger-ui.css%00',
  ]) {
    it(`has no file ${file}`, async () => {
      const { status, body } = await api.get(`/docs/${file}`);
      expect(status).to.equal(404);
      expect(body).to.include({ type: 'urn:kaje:problem:not_found', status: 404 });
    });
  }

  it('does not leave its folder for a raw path', async () => {
    const request = 'GET /docs/../../package.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
    const { closed } = await openRaw(api.url, request);
    expect(await closed).to.match(/^HTTP\/1\.1 404 /);
  });

  it('is where / leads to', async () => {
    const { status, headers } = await api.call('/', { redirect: 'manual' });
    expect(status).to.equal(302);
    expect(headers.get('location')).to.equal('docs');
  });
});
