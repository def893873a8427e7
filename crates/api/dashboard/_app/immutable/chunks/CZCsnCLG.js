import{L as p,V as t}from"./BQmzHZU2.js";import{B as c}from"./1E9I6G_Q.js";function f(r,s,...a){var e=new c(r);p(()=>{const n=s()??null;e.ensure(n,n&&(o=>n(o,...a)))},t)}export{f as s};
