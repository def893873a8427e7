import{L as p,V as t}from"./SBeq2_zm.js";import{B as c}from"./CjS12HUu.js";function f(r,s,...a){var e=new c(r);p(()=>{const n=s()??null;e.ensure(n,n&&(o=>n(o,...a)))},t)}export{f as s};
