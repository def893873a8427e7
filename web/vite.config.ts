import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [sveltekit()],
  build: { target: 'es2022', assetsInlineLimit: 0 },
  server: {
    proxy: {
      '/api': { target: process.env.AAMAS_SERVER ?? 'http://127.0.0.1:8099', changeOrigin: false },
      '/ws': { target: process.env.AAMAS_SERVER ?? 'http://127.0.0.1:8099', ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
